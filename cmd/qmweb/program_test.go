package main

import (
	"bufio"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// program is a qmweb that runs.
type program struct {
	*exec.Cmd
	url    string
	log    string // until it listened
	client http.Client
}

// buildWeb builds qmweb.
func buildWeb(t testing.TB) (binary string) {
	t.Helper()
	binary = filepath.Join(t.TempDir(), "qmweb")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// startWeb starts qmweb on a tree, with more lines for its section.
func startWeb(t testing.TB, binary, tree string, lines ...string) *program {
	t.Helper()
	config := filepath.Join(t.TempDir(), "QMserv.cfg")
	if err := os.WriteFile(config, []byte("[QMServer]\nQM_FOLDER = "+tree+"\n[WEB_QMserver]\nThe_Port = 0\n"+strings.Join(lines, "\n")), 0o600); err != nil {
		t.Fatal(err)
	}
	p := &program{Cmd: exec.Command(binary, "-config", config)}
	p.client.Transport = &http.Transport{MaxIdleConnsPerHost: 16, DisableCompression: true}
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = p.Process.Kill()
		_ = p.Wait() // killed, or waited for before
	})
	log := bufio.NewScanner(stderr)
	for log.Scan() {
		p.log += log.Text() + "\n"
		if m := regexp.MustCompile(`msg=listening url=(\S+)/`).FindStringSubmatch(log.Text()); m != nil {
			p.url = m[1]
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return p
		}
	}
	t.Fatal("it did not listen")
	return nil
}

// get returns what a path that has to be there answers.
func (p *program) get(t testing.TB, path string) string {
	answer, err := p.client.Get(p.url + path)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %d, %v", path, answer.StatusCode, err)
	}
	return string(body)
}
