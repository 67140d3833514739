package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/config"
	"qm/pkg/layout"
)

// logOf opens the log of a tree.
func logOf(t *testing.T, cfg config.Config) (log *serverLog, path string) {
	t.Helper()
	cfg.Folder = t.TempDir()
	log, err := openLog(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = log.Close() })
	return log, filepath.Join(cfg.Folder, layout.ServerLog)
}

func say(t *testing.T, log *serverLog, line string) {
	t.Helper()
	if _, err := log.Write([]byte(line + "\n")); err != nil {
		t.Error(err)
	}
}

func holds(t *testing.T, path, want string) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != want {
		t.Errorf("%s: %q, %v; want %q", filepath.Base(path), got, err, want)
	}
}

// TestALogThatIsTakenAway, renamed, replaced or emptied goes on in a new one.
func TestALogThatIsTakenAway(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows lets nobody take away a file that is open")
	}
	for what, do := range map[string]func(path string) error{
		"removed": os.Remove,
		"renamed": func(path string) error { return os.Rename(path, path+".old") },
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"replaced": func(path string) error {
			if err := os.WriteFile(path+".new", nil, 0o644); err != nil {
				return err
			}
			return os.Rename(path+".new", path)
		},
	} {
		t.Run(what, func(t *testing.T) {
			log, path := logOf(t, config.Default())
			say(t, log, "one")
			say(t, log, "two")
			holds(t, path, "one\ntwo\n")
			if err := do(path); err != nil {
				t.Fatal(err)
			}
			say(t, log, "three")
			say(t, log, "four")
			holds(t, path, "three\nfour\n")
			if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o044 != 0o044 {
				t.Errorf("not everybody may read it: %v, %v", info, err)
			}
			if what == "renamed" {
				holds(t, path+".old", "one\ntwo\n")
			}
		})
	}
}

// TestALogWithoutAFolder makes none, and another thing in its place harms nobody.
func TestALogWithoutAFolder(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows lets nobody take away a file that is open")
	}
	log, path := logOf(t, config.Default())
	say(t, log, "one")
	dir := filepath.Dir(path)
	if err := os.Rename(dir, dir+".away"); err != nil {
		t.Fatal(err)
	}
	say(t, log, "two")
	if _, err := os.Stat(dir); err == nil {
		t.Error("the folder is made anew")
	}
	if err := os.Rename(dir+".away", dir); err != nil {
		t.Fatal(err)
	}
	say(t, log, "three")
	holds(t, path, "one\ntwo\nthree\n")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(path, 0o755); err != nil {
		t.Fatal(err)
	}
	say(t, log, "four")
}

// TestTheLogIsRotated by size; as many old ones are kept as asked for, as
// readable as it was, also across restarts.
func TestTheLogIsRotated(t *testing.T) {
	cfg := config.Default()
	cfg.LogMaxSize, cfg.LogKeep = 1<<20, 2
	log, path := logOf(t, cfg)
	line := strings.Repeat("x", 250<<10)
	for i := range 30 {
		say(t, log, fmt.Sprint(i, line))
		if i%7 == 0 {
			if err := log.Close(); err != nil { // the next line is as after a restart
				t.Fatal(err)
			}
		}
	}
	left := func() []string {
		names, err := filepath.Glob(strings.TrimSuffix(path, ".log") + "*.log")
		if err != nil {
			t.Fatal(err)
		}
		return names
	}
	// The old ones are removed beside.
	for until := time.Now().Add(time.Minute); len(left()) != 3 && time.Now().Before(until); time.Sleep(10 * time.Millisecond) {
	}
	if names := left(); len(names) != 3 {
		t.Errorf("%q", names)
	}
	for _, name := range left() {
		info, err := os.Stat(name)
		if err != nil || info.Size() > 1<<20 || info.Size() == 0 || info.Mode().Perm()&0o044 != 0o044 && runtime.GOOS != "windows" {
			t.Errorf("%v, %v", info, err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil || !strings.HasSuffix(string(data), "29"+line+"\n") {
		t.Errorf("the last line is not in it: %v", err)
	}
}
