package main

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// unitPaths returns what the unit of qmweb lets it see of the disk; those with -
// in front may be missing.
func unitPaths(t *testing.T) []string {
	t.Helper()
	f, err := os.Open("../../config/qmweb.service")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var paths []string
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if value, found := strings.CutPrefix(lines.Text(), "BindReadOnlyPaths="); found {
			paths = append(paths, strings.Fields(value)...)
		}
	}
	return paths
}

// inUnit makes what the unit lets qmweb see, in a name space of its own, and runs
// it there as another user. Its arguments are pairs of what is there and where it
// is seen; without the first nothing but the folder is.
const inUnit = `mkdir root; mount -t tmpfs none root
while [ $# -gt 0 ]; do
	if [ -d "$1" ]; then mkdir -p "root$2"; else mkdir -p "root${2%/*}"; : >"root$2"; fi
	mount --rbind "$1" "root$2"
	shift 2
done
exec unshare -U --map-user=1000 --map-group=1000 --root=root /usr/local/bin/qmweb -config /etc/qm/QMserv.cfg`

// TestTheUnitShowsTheTreeAlone: qmweb works with what its unit lets it see, names
// the owners of jobs, and finds nothing else of the machine.
func TestTheUnitShowsTheTreeAlone(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("QM/QM_dJobs/fit/proc_config.cfg", "[QMOptions]\nscript = true\n")
	write("etc/QMserv.cfg", "[QMServer]\nQM_FOLDER = /srv/QM\n[WEB_QMserver]\nThe_Port = 0\n")
	write("passwd", "lab:x:1000:1000::/:/bin/false\n")
	ours := map[string]string{"/srv/QM": filepath.Join(dir, "QM"), "/etc/qm": filepath.Join(dir, "etc"), "/etc/passwd": filepath.Join(dir, "passwd"), "/usr/local/bin/qmweb": buildWeb(t)}
	args := []string{"-r", "--mount", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-euc", inUnit, "sh", "/proc", "/proc"}
	seen := []string{"proc"}
	for _, path := range unitPaths(t) {
		path = strings.TrimPrefix(path, "-")
		from, mine := ours[path]
		if !mine {
			from = path
		}
		delete(ours, path)
		if _, err := os.Stat(from); err != nil {
			continue
		}
		args = append(args, from, path)
		seen = append(seen, strings.Split(path, "/")[1])
	}
	if len(ours) > 0 {
		t.Errorf("the unit does not show %v", ours)
	}
	if out, err := exec.Command("unshare", "-rm", "mount", "-t", "tmpfs", "none", dir).CombinedOutput(); err != nil {
		t.Skipf("skipped: no file system of our own can be mounted here: %s %v", out, err)
	}
	web := exec.Command("unshare", args...)
	web.Dir = dir
	log, err := web.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := web.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = web.Process.Kill(); _ = web.Wait() })
	url := listeningAt(t, log)
	answer, err := http.Get(url + "api/v1/jobs")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if text, err := io.ReadAll(answer.Body); err != nil || !strings.Contains(string(text), `"name":"fit"`) || !strings.Contains(string(text), `"owner":"lab"`) {
		t.Errorf("%s, %v", text, err)
	}
	slices.Sort(seen)
	if got := rootOf(t, web.Process.Pid); !slices.Equal(got, slices.Compact(seen)) {
		t.Errorf("it sees %q, want %q", got, seen)
	}
}

// listeningAt returns the address that a log tells.
func listeningAt(t *testing.T, log io.Reader) string {
	t.Helper()
	listening := regexp.MustCompile(`msg=listening url=(\S+)`)
	var all []string
	for lines := bufio.NewScanner(log); lines.Scan(); {
		all = append(all, lines.Text())
		if m := listening.FindStringSubmatch(lines.Text()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("it does not listen:\n%s", strings.Join(all, "\n"))
	return ""
}

// rootOf lists the root folder of the child of a process.
func rootOf(t *testing.T, pid int) []string {
	t.Helper()
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", pid, pid))
	if err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%s/root", strings.TrimSpace(string(children))))
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
