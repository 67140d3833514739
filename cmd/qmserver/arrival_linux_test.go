package main

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/patient"
	"qm/pkg/layout"
)

// live is the real server on a tree of its own, in which a job that saw not all
// of its input fails.
type live struct {
	*crashTree
	server *exec.Cmd
	source string // a whole job, beside the tree
}

// checked is the job: it compares all of its input with what was sent.
const checked = "[QMOptions]\nscript = sha256sum --quiet -c sums && test $(ls a | wc -l) = 20\nnb_proc = 1\n"

// newTree is a place of its own, with nothing there yet.
func newTree(t *testing.T) *live {
	t.Helper()
	dir := t.TempDir()
	return &live{crashTree: &crashTree{t: t, dir: dir, tree: layout.Tree(filepath.Join(dir, "QM"))}}
}

func newLive(t *testing.T, cfg string) *live {
	t.Helper()
	l := newTree(t)
	l.source = filepath.Join(l.dir, "source")
	l.write("QMserv.cfg", "[QMServer]\nMaxNbProcessors = 64\n"+cfg)
	var sums bytes.Buffer
	for i := range 20 {
		name, text := fmt.Sprintf("a/%d.dat", i), strings.Repeat(fmt.Sprint("line ", i, "\n"), 50*(i+1))
		l.write(filepath.Join("source", name), text)
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256([]byte(text)), name)
	}
	l.write("source/sums", sums.String())
	l.write("source/proc_config.cfg", checked)
	l.start()
	t.Cleanup(func() { l.kill() })
	return l
}

func (l *live) start() {
	l.t.Helper()
	l.startAs("run")
}

// startAs starts the twin with this specification.
func (l *live) startAs(spec string) {
	l.t.Helper()
	log, err := os.OpenFile(filepath.Join(l.dir, "stderr"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	l.server = exec.Command(os.Args[0], "-config", "QMserv.cfg")
	l.server.Dir, l.server.Stderr, l.server.Env = l.dir, log, append(os.Environ(), twinVar+"="+spec, l.mark())
	if err := l.server.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.await("the server runs", func() bool {
		data, err := os.ReadFile(l.tree.Path(layout.HeartbeatFile))
		return err == nil && bytes.Contains(data, fmt.Appendf(nil, `"pid":%d,`, l.server.Process.Pid))
	})
}

func (l *live) kill() {
	_ = l.server.Process.Kill()
	_ = l.server.Wait()
	l.await("nothing is left", func() bool { return len(l.supervisors()) == 0 })
}

func (l *live) await(what string, cond func() bool) {
	l.t.Helper()
	patient.Until(l.t, what, cond, func() string { return tail(l.stderr()) })
}

// drop puts the source into the queue in one of the ways.
func (l *live) drop(name string) {
	script := strings.ReplaceAll(ways[name].script, "SILENCE", "6")
	cmd := exec.Command("sh", "-euc", script, "sh", l.source, l.tree.Job(layout.Queued, name))
	cmd.Dir = l.dir
	if _, err := exec.LookPath(ways[name].needs); err != nil {
		return
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		l.t.Errorf("%s: %v\n%s", name, err, out)
	}
}

// succeeded waits for the end of a job, which must have seen all of its input.
func (l *live) succeeded(name string) {
	l.t.Helper()
	done, lost := l.tree.Job(layout.Done, name), l.tree.Job(layout.Lost, name)
	l.await(name+" is done", func() bool {
		_, err := os.Stat(done)
		_, err2 := os.Stat(lost)
		return err == nil || err2 == nil
	})
	log, err := os.ReadFile(filepath.Join(done, layout.JobLog))
	if err != nil || !bytes.HasSuffix(log, []byte("with code 0\n")) {
		l.t.Errorf("%s: %v\n%s", name, err, log)
	}
	if old, _ := filepath.Glob(filepath.Join(done, "process.*.log")); len(old) > 0 {
		l.t.Errorf("%s was started more than once: %v", name, old)
	}
}

// ways are how folders come into the queue: with the real tools, and as those
// programs write that can't be had here. In the scripts $1 is the source and $2
// the job's place in the queue.
var ways = map[string]struct {
	needs  string
	script string
}{
	"cp -r":                            {"cp", `cp -r "$1" "$2"`},
	"cp -a":                            {"cp", `cp -a "$1" "$2"`},
	"rsync -a":                         {"rsync", `rsync -a "$1/" "$2"`},
	"rsync slow":                       {"rsync", `rsync -a --bwlimit=40 "$1/" "$2"`},
	"tar x":                            {"tar", `tar -C "$1" -cf - . | (mkdir "$2" && tar -C "$2" -xf -)`},
	"unzip":                            {"unzip", `(cd "$1" && zip -qr "../$$.zip" .); unzip -q "$$.zip" -d "$2"`},
	"mv from another file system":      {"mv", `d=$(mktemp -d -p /dev/shm) && cp -r "$1" "$d/j" && mv "$d/j" "$2" && rmdir "$d"`},
	"moved in":                         {"cp", `cp -r "$1" aside && mv aside "$2"`},
	"info file first":                  {"cp", `mkdir "$2"; cp "$1/proc_config.cfg" "$2"; sleep 0.4; cp -r "$1/a" "$1/sums" "$2"`},
	"info file last":                   {"cp", `mkdir "$2"; cp -r "$1/a" "$1/sums" "$2"; sleep 1.5; cp "$1/proc_config.cfg" "$2"`},
	"pauses between files":             {"cp", `mkdir -p "$2/a"; cp "$1/proc_config.cfg" "$1/sums" "$2"; for f in "$1"/a/*; do sleep 0.3; cp "$f" "$2/a"; done`},
	"like Finder":                      {"cp", `mkdir -p "$2/a"; cp "$1/proc_config.cfg" "$1/sums" "$2"; for f in "$1"/a/*; do : >"$2/a/${f##*/}"; done; sleep 0.4; for f in "$1"/a/*; do cp "$f" "$2/a"; sleep 0.1; done`},
	"like Samba":                       {"truncate", `mkdir -p "$2/a"; cp "$1/proc_config.cfg" "$1/sums" "$2"; for f in "$1"/a/*; do truncate -s "$(stat -c %s "$f")" "$2/a/${f##*/}"; done; for f in "$1"/a/*; do dd if="$f" of="$2/a/${f##*/}" conv=notrunc status=none; sleep 0.1; done`},
	"new folder, renamed, then filled": {"cp", `n="$(dirname "$2")/New folder $$"; mkdir "$n"; sleep 0.7; mv "$n" "$2"; sleep 0.3; cp "$1/proc_config.cfg" "$1/sums" "$2"; mkdir "$2/a"; for f in "$1"/a/*; do cp "$f" "$2/a"; sleep 0.1; done`},
	"with .part until it is there":     {"cp", `cp -r "$1" "$2.part"; sleep 0.2; mv "$2.part" "$2"`},
	"silence in a file that is open": {"python3", `exec python3 -c '
import os, shutil, sys, time
source, job = sys.argv[1:]
os.mkdir(job)
for name in "sums", "proc_config.cfg":
    shutil.copy(f"{source}/{name}", job)
last = open(source + "/a/19.dat", "rb").read()
os.mkdir(job + "/a")
out = open(job + "/a/19.dat", "wb", buffering=0)
out.write(last[:1000])
for n in range(19):
    open(f"{job}/a/{n}.dat", "wb").write(open(f"{source}/a/{n}.dat", "rb").read())
time.sleep(SILENCE)
out.write(last[1000:])
' "$1" "$2"`},
	"through mmap": {"python3", `exec python3 -c '
import mmap, os, shutil, sys, time
source, job = sys.argv[1:]
os.mkdir(job)
for name in "sums", "proc_config.cfg":
    shutil.copy(f"{source}/{name}", job)
last = open(source + "/a/19.dat", "rb").read()
os.mkdir(job + "/a")
with open(job + "/a/19.dat", "w+b") as out:
    out.truncate(len(last))
    m = mmap.mmap(out.fileno(), len(last))
for n in range(19):
    open(f"{job}/a/{n}.dat", "wb").write(open(f"{source}/a/{n}.dat", "rb").read())
for at in range(0, len(last), 997):
    m[at:at + 997] = last[at:at + 997]
    time.sleep(SILENCE / 10)
m.close()
' "$1" "$2"`},
}

// TestNeverEarly drops a job in every way, with and without file events, and
// once more each with a server that is killed and started again in the midst.
func TestNeverEarly(t *testing.T) {
	for name, way := range ways {
		if _, err := exec.LookPath(way.needs); err != nil {
			t.Logf("skipped, for there is no %s: %s", way.needs, name)
		}
	}
	const polling = "events = off\npoll_interval = 0.2\n"
	var all sync.WaitGroup
	var trees []*live
	for _, cfg := range []string{"", polling, "", polling} {
		l := newLive(t, cfg)
		trees = append(trees, l)
		for name := range ways {
			all.Go(func() { l.drop(name) })
		}
	}
	dropped := make(chan bool)
	go func() { all.Wait(); close(dropped) }()
	for there := true; there; {
		select {
		case <-dropped:
			there = false
		case <-time.After(700 * time.Millisecond): // in the midst of something
			for _, l := range trees[2:] {
				_ = l.server.Process.Kill()
				_ = l.server.Wait()
				l.start()
			}
		}
	}
	for _, l := range trees {
		for name, way := range ways {
			if _, err := exec.LookPath(way.needs); err == nil {
				l.succeeded(name)
			}
		}
	}
}

// tail is the last of a log.
func tail(text string) string { return text[max(0, len(text)-4000):] }
