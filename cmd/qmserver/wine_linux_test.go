package main_test

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"qm/cmd/qmserver/internal/patient"
)

// wine runs our programs for Windows, in a Windows of its own.
type wine struct {
	programs string
	env      []string
}

// stub is the one function that a Go program needs and that wine 8 lacks.
const stub = `#include <windows.h>
BOOLEAN NTAPI SystemFunction036(PVOID, ULONG);
__declspec(dllexport) BOOL WINAPI ProcessPrng(BYTE *p, SIZE_T n) { return SystemFunction036(p, (ULONG)n); }
BOOL WINAPI DllMain(HINSTANCE h, DWORD r, LPVOID v) { return TRUE; }
`

func newWine(t *testing.T) *wine {
	t.Helper()
	const compiler = "x86_64-w64-mingw32-gcc"
	for _, needed := range []string{"wine", "wineserver", compiler} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("skipped without %s: the programs for Windows under wine", needed)
		}
	}
	dir := t.TempDir()
	prefix := filepath.Join(dir, "prefix")
	w := &wine{programs: dir, env: append(os.Environ(), "WINEPREFIX="+prefix, "WINEDEBUG=-all", "WINEDLLOVERRIDES=mscoree,mshtml=", "DISPLAY=", "TMPDIR="+dir)}
	t.Cleanup(func() {
		_ = w.command(dir, "wineserver", "-k").Run()
		_ = w.command(dir, "wineserver", "-w").Run()
	})
	if err := os.Mkdir(prefix, 0o755); err != nil {
		t.Fatal(err)
	}
	w.run(t, dir, "wineserver", "-p") // else it ends with each program, and the next may come just then
	w.run(t, dir, "wine", "wineboot", "-i")
	source := filepath.Join(dir, "stub.c")
	write(t, source, stub)
	w.run(t, dir, compiler, "-shared", "-o", filepath.Join(prefix, "drive_c/windows/system32/bcryptprimitives.dll"), source, "-ladvapi32")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "qm/cmd/qmserver", "qm/cmd/qmweb")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return w
}

func (w *wine) command(dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.Env = dir, w.env
	return cmd
}

func (w *wine) run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	text, err := w.try(t, dir, name, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, text)
	}
	return text
}

// try is run where a failure is no fault yet. What ends badly without a word is
// started again: a test program or ours says why, but wine, now and then, does not
// even start it, and is as silent.
func (w *wine) try(t *testing.T, dir, name string, args ...string) (text string, err error) {
	t.Helper()
	for range 3 {
		if text, err = w.once(t, dir, name, args...); err == nil || text != "" {
			break
		}
		t.Logf("%s %q: %v, without a word", name, args, err)
	}
	return text, err
}

func (w *wine) once(t *testing.T, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := w.command(dir, name, args...)
	// No pipe: what wine leaves running would hold it open.
	out, err := os.Create(filepath.Join(t.TempDir(), "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	text, _ := os.ReadFile(out.Name())
	return string(text), err
}

// house is a tree with its configuration, and what runs there.
type house struct {
	*testing.T
	*wine
	dir string
}

func (w *wine) house(t *testing.T) *house {
	h := &house{t, w, t.TempDir()}
	h.put("QMserv.cfg", "[QMServer]\nsettle_time = 0.2\npoll_interval = 0.1\nstop_grace = 1\n[WEB_QMserver]\nThe_Port = 0\n")
	return h
}

// put writes a file as Windows does, with CR LF.
func (h *house) put(name, text string) {
	h.Helper()
	path := filepath.Join(h.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		h.Fatal(err)
	}
	write(h.T, path, strings.ReplaceAll(text, "\n", "\r\n"))
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (h *house) job(name, info string) {
	h.put("QM/QM_qJobs/"+name+"/proc_config.cfg", "[QMOptions]\n"+info)
}

// start starts a program that is ended, at the latest, with the test.
func (h *house) start(name, log string) *exec.Cmd {
	h.Helper()
	cmd := h.command(h.dir, "wine", filepath.Join(h.programs, name))
	out, err := os.Create(filepath.Join(h.dir, log))
	if err != nil {
		h.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Start(); err != nil {
		h.Fatal(err)
	}
	h.Cleanup(func() { kill(cmd) })
	return cmd
}

func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func (h *house) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(h.dir, name))
	return string(data)
}

func (h *house) exists(name string) bool {
	_, err := os.Stat(filepath.Join(h.dir, name))
	return err == nil
}

func (h *house) waitFor(what string, cond func() bool) {
	h.Helper()
	patient.Until(h, what, cond, func() string { return h.read("QM/QueueManager.log") + h.read("web.log") })
}

func (h *house) has(name string, texts ...string) {
	h.Helper()
	text := h.read(name)
	for _, want := range texts {
		if !strings.Contains(text, want) {
			h.Errorf("%s has no %q:\n%s", name, want, text)
		}
	}
}

// TestWine is the smoke test of the programs for Windows.
func TestWine(t *testing.T) {
	if testing.Short() {
		t.Skip("wine takes its time")
	}
	w := newWine(t)
	t.Run("drain", func(t *testing.T) { w.house(t).drain() })
	t.Run("stop", func(t *testing.T) { w.house(t).stop() })
	t.Run("adopt", func(t *testing.T) { w.house(t).adopt() })
}

// drain runs what succeeds, fails and is refused, and looks at it with qmweb.
func (h *house) drain() {
	h.job("good", "script = echo a \"b  c\" & cd\n    & echo NB=%%NB_PROC%%\nnb_proc = 2\n")
	h.job("pinned", "script = echo N=%%NUMBER_OF_PROCESSORS%%\nmemory = 16M\n")
	h.job("bad", "script = run.bat\n")
	h.put("QM/QM_qJobs/bad/run.bat", "@echo off\necho in the batch\nexit /b 3\n")
	h.job("refused", "script = x\nnb_proc = none\n")
	h.put("QM/QM_qJobs/batch/job.bat", "@echo off\nREM QM nb_proc : 2\nREM QM info : a batch\necho NB=%NB_PROC%\nexit /b 4\n")
	deep := "QM/QM_qJobs/deep/" + strings.Repeat(strings.Repeat("d", 100)+"/", 3)
	h.put(deep+"file", "x")
	h.job("deep", "script = echo deep\n")
	text, err := h.try(h.T, h.dir, "wine", filepath.Join(h.programs, "qmserver.exe"), "-drain")
	if exit, ok := err.(*exec.ExitError); !ok || exit.ExitCode() != 1 { //nolint:errorlint // it is what Run returns
		h.Errorf("-drain: %v, want exit code 1:\n%s", err, text)
	}
	h.has("QM/QM_dJobs/good/process.log", "Job started by QM at: ", `a "b  c"`, `QM_Jobs\good`, "NB=2", "with code 0")
	h.has("QM/QM_dJobs/bad/process.log", "in the batch", "with code 3")
	h.has("QM/QM_dJobs/batch/process.log", "NB=2", "with code 4")
	h.has("QM/QM_dJobs/deep/process.log", "with code 0")
	h.has("QM/QM_dJobs/pinned/process.log", "N=1", "with code 0")
	if record := h.read("QM/QM_dJobs/pinned/.qm/run.json"); !pinned.MatchString(record) {
		h.Errorf("record of a job that is pinned to one processor, of an owner with a name:\n%s", record)
	}
	h.has("QM/QM_dJobs/bad/.qm/run.json", `"outcome": "failed"`, `"exit_code": 3`, `"cpu_seconds": 0`)
	h.has("QM/QM_lost+found/refused/process.log", "QM: rejected at ", "line 3", "not a positive integer")
	h.web()
}

var pinned = regexp.MustCompile(`(?s)"owner": "\w+".*"cpus": \[\s*\d+\s*\]`)

var listening = regexp.MustCompile(`url="?(http://[^\s"]+?)/?["\s]`)

func (h *house) web() {
	h.start("qmweb.exe", "web.log")
	h.waitFor("qmweb listens", func() bool { return listening.MatchString(h.read("web.log")) })
	base := listening.FindStringSubmatch(h.read("web.log"))[1]
	h.get(base+"/", http.StatusOK, "good", "refused")
	h.get(base+"/view/QM_dJobs/bad/run.bat", http.StatusOK, "exit /b 3")
	h.get(base+"/QM_dJobs/bad/", http.StatusOK, "run.bat", "in the batch")
	h.get(base+"/view/QM_dJobs/bad/..%5C..%5CQueueManager.log", http.StatusNotFound)
}

func (h *house) get(url string, status int, texts ...string) {
	h.Helper()
	res, err := http.Get(url) //nolint:noctx // the test's own deadline holds
	if err != nil {
		h.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != status {
		h.Errorf("%s: %s, %v", url, res.Status, err)
	}
	for _, want := range texts {
		if !bytes.Contains(body, []byte(want)) {
			h.Errorf("%s has no %q:\n%s", url, want, body)
		}
	}
}

// alive counts the processes that have this word in their command line.
func alive(word string) (n int) {
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range all {
		if data, err := os.ReadFile(name); err == nil && bytes.Contains(data, []byte(word)) {
			n++
		}
	}
	return n
}

// child is a batch file that lives until its folder has a file named go. It looks
// once a second: wine may keep a process for ever whose parent is ended while it
// makes it.
const child = "@echo off\n:again\nif exist go exit /b 0\nping -n 2 127.0.0.1 >nul\ngoto again\n"

// stop stops a job with all that came of it.
func (h *house) stop() {
	word := filepath.Base(filepath.Dir(h.dir)) + "-child.bat"
	h.put("QM/QM_qJobs/tree/"+word, child)
	h.job("tree", "script = echo started & start /b cmd /c "+word+" & cmd /c "+word+"\n")
	h.start("qmserver.exe", "server.log")
	h.waitFor("both run", func() bool { return alive(word) >= 2 })
	h.put("QM/QM_Jobs/tree/stop.TXT", "")
	h.waitFor("it is done", func() bool { return h.exists("QM/QM_dJobs/tree/proc_config.cfg") })
	h.has("QM/QM_dJobs/tree/process.log", "QM: stopped: a file named stop.TXT was put into its folder")
	h.has("QM/QM_dJobs/tree/.qm/run.json", `"outcome": "stopped"`)
	if n := alive(word); n > 0 {
		h.Errorf("%d processes are left", n)
	}
}

// adopt kills the server: the job goes on, and the next server finishes it. And
// it kills the supervisor: the job dies with it.
func (h *house) adopt() {
	word := filepath.Base(filepath.Dir(h.dir)) + "-child.bat"
	for _, name := range []string{"one", "two"} {
		h.put("QM/QM_qJobs/"+name+"/"+name+word, child)
		h.job(name, "script = "+name+word+"\n")
	}
	server := h.start("qmserver.exe", "server.log")
	h.waitFor("both run", func() bool { return alive("one"+word) > 0 && alive("two"+word) > 0 })
	kill(server)
	h.start("qmserver.exe", "server2.log")
	h.waitFor("both are adopted", func() bool { return strings.Count(h.read("QM/QueueManager.log"), "job adopted") == 2 })
	h.put("QM/QM_Jobs/one/go", "")
	h.waitFor("one is done", func() bool { return h.exists("QM/QM_dJobs/one/proc_config.cfg") })
	h.has("QM/QM_dJobs/one/process.log", "with code 0")
	supervisors := h.supervisors()
	if len(supervisors) != 1 {
		h.Fatalf("supervisors: %v", supervisors)
	}
	if err := supervisors[0].Kill(); err != nil {
		h.Fatal(err)
	}
	h.waitFor("two is lost", func() bool { return h.exists("QM/QM_lost+found/two/proc_config.cfg") })
	h.has("QM/QM_lost+found/two/process.log", "QM: interrupted at ")
	if n := alive("two" + word); n > 0 {
		h.Errorf("%d processes are left of a job whose supervisor was killed", n)
	}
}

// supervisors are those of this tree.
func (h *house) supervisors() (all []*os.Process) {
	names, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil || !bytes.Contains(data, []byte("-supervise\x00")) || !bytes.Contains(data, []byte(filepath.Base(filepath.Dir(h.dir)))) {
			continue
		}
		var pid int
		for _, c := range strings.TrimSuffix(strings.TrimPrefix(name, "/proc/"), "/cmdline") {
			pid = 10*pid + int(c-'0')
		}
		if p, err := os.FindProcess(pid); err == nil {
			all = append(all, p)
		}
	}
	return all
}
