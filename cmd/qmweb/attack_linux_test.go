package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmweb/internal/page"
	"qm/pkg/layout"
)

// What an attacker is after, and what he leaves behind to run in a browser.
const (
	secret = "the-secret-that-must-not-come-out"
	script = `<script>alert(1)</script>`
	quote  = `"><img src=x onerror=alert(1)>'`
)

// prey is a tree that is full of traps, with secrets beside and in it.
type prey struct {
	*testing.T
	tree string
	web  *program
	host string
}

func newPrey(t *testing.T) *prey {
	t.Helper()
	p := &prey{T: t, tree: filepath.Join(t.TempDir(), "QM")}
	p.write("../secret", secret)
	p.write(".qm/server.json", `{"host":"lab1","slots":2,"slots_used":1}`)
	p.write(".qm/run/ID", secret)
	p.write("QueueManager.log", secret)
	for _, st := range layout.States {
		p.job(st.Folder() + "/job")
		p.job(st.Folder() + "/" + strings.NewReplacer("/", "_").Replace(script+quote))
		p.job(st.Folder() + "/bad\xff\x1b[2J\nname")
	}
	p.links("QM_dJobs/job")
	p.must(os.Symlink("../../secret", filepath.Join(p.tree, "QM_dJobs", "linked")))
	p.must(os.Symlink("job", filepath.Join(p.tree, "QM_dJobs", "alias")))
	p.must(os.Mkdir(filepath.Join(p.tree, "QM_dJobs", "large"), 0o755))
	p.write("QM_dJobs/large/sparse", "")
	p.must(os.Truncate(filepath.Join(p.tree, "QM_dJobs", "large", "sparse"), 100<<30))
	p.web = startWeb(t, buildWeb(t), p.tree)
	p.host = strings.TrimPrefix(p.web.url, "http://")
	return p
}

func (p *prey) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func (p *prey) write(path, content string) {
	p.Helper()
	path = filepath.Join(p.tree, path)
	p.must(os.MkdirAll(filepath.Dir(path), 0o755))
	p.must(os.WriteFile(path, []byte(content), 0o644))
}

// job is one whose every text is an attack.
func (p *prey) job(path string) {
	p.Helper()
	p.write(path+"/proc_config.cfg", "[QMOptions]\nscript : "+script+"\ninfo : "+quote+script+"\nsize : "+quote+"\n")
	p.write(path+"/process.log", script+"\n"+quote+"\n\x1b]0;title\x07\x1b[31m"+script+"\n")
	p.write(path+"/page.html", script)
	p.write(path+"/pic.svg", `<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>`)
	p.write(path+"/"+script[:8]+quote, script)
	p.write(path+"/.qm/run.json", fmt.Sprintf(`{"name":"x","owner":%q,"reason":%q,"host":%q,"outcome":"failed","exit_code":1,"started":"2026-01-02T03:04:05Z","finished":"2026-01-02T03:05:05Z"}`, quote+script, script+quote, script))
	p.must(syscall.Mkfifo(filepath.Join(p.tree, path, "pipe"), 0o666))
}

func (p *prey) links(path string) {
	p.Helper()
	for link, to := range map[string]string{
		"out": "../../../secret", "log": "../../QueueManager.log", "abs": filepath.Join(p.tree, "../secret"), "up": "..", "root": "/", "etc": "/etc",
		"own": ".qm", "record": ".qm/run.json", "treeown": "../../.qm", "loop": "loop", "null": "/dev/null", "pipelink": "pipe",
	} {
		p.must(os.Symlink(to, filepath.Join(p.tree, path, link)))
	}
}

// checksum covers all that there is to change, the times of change too.
func (p *prey) checksum() string {
	p.Helper()
	h := sha256.New()
	p.must(filepath.WalkDir(p.tree, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		fmt.Fprintln(h, path, info.Mode(), info.Size(), st.Ino, st.Nlink, st.Uid, st.Mtim, st.Ctim, st.Blocks)
		if info.Mode().IsRegular() && info.Size() < 1<<20 {
			data, err := os.ReadFile(path)
			h.Write(data)
			return err
		}
		return nil
	}))
	return hex.EncodeToString(h.Sum(nil))
}

// send sends a request as it stands and returns the status and all of the
// answer.
func (p *prey) send(request string) (status, answer string) {
	p.Helper()
	conn, err := net.Dial("tcp", p.host)
	p.must(err)
	defer conn.Close()
	p.must(conn.SetDeadline(time.Now().Add(30 * time.Second)))
	go func() { _, _ = io.WriteString(conn, request) }() // it may be refused before its end
	data, _ := io.ReadAll(conn)                          // it may be broken off
	line, _, _ := strings.Cut(string(data), "\r\n")
	if fields := strings.Fields(line); len(fields) > 1 {
		status = fields[1]
	}
	return status, string(data)
}

func (p *prey) request(method, path string) string {
	return method + " " + path + " HTTP/1.1\r\nHost: " + p.host + "\r\nConnection: close\r\n\r\n"
}

// TestAttack tries what attackers try on the real program, and that it leaves
// neither a secret nor a trace.
func TestAttack(t *testing.T) {
	p := newPrey(t)
	before := p.checksum()
	t.Run("traversal", p.traversal)
	t.Run("methods", p.methods)
	t.Run("rebinding", p.rebinding)
	t.Run("scripts", p.scripts)
	t.Run("archives", p.archives)
	t.Run("odd requests", p.oddRequests)
	t.Run("all routes", p.allRoutes)
	t.Run("slow clients", p.slowClients)
	if p.web.get(t, "/healthz") != "ok\n" {
		t.Error("it is not well")
	}
	if p.checksum() != before {
		t.Error("the tree is not what it was")
	}
}

func (p *prey) traversal(t *testing.T) {
	var ways []string
	for _, up := range []string{"..", "%2e%2e", "%2E.", ".%2e", "%252e%252e", "%c0%ae%c0%ae", "..%00", "..;", "up", "root", "etc", "treeown", "own", "out", "log", "abs", "."} {
		for _, slash := range []string{"/", "%2f", "%252f", `\`, "//", "%c0%af"} {
			for _, to := range []string{"secret", ".qm/run/ID", "etc/passwd"} {
				ways = append(ways, up+slash+to, up+slash+up+slash+to, "sub"+slash+up+slash+up+slash+up+slash+to)
			}
		}
		ways = append(ways, up)
	}
	ways = append(ways, ".qm/run.json", ".QM/run.json", "%2eqm/run.json", ".qm", "record", "own/run.json", "%2e%71%6d/run.json", "/etc/passwd", "null", "pipe", "pipelink", "loop")
	for _, before := range []string{"/", "/view/QM_dJobs/job/", "/QM_dJobs/job/", "/view/QM_dJobs/", "/view/", "/download/", "/download/QM_dJobs/", "/static/", "/jobs/", "/QM_dJobs/", "/api/v1/jobs/QM_dJobs/", "/api/v1/jobs/", "/icon/"} {
		for _, way := range ways {
			status, answer := p.send(p.request("GET", before+way))
			if status == "200" && before != "/QM_dJobs/" && way != "." || status >= "500" || status == "" {
				t.Errorf("%s%s: %s", before, way, status)
			}
			if strings.Contains(answer, secret) || strings.Contains(answer, "root:") {
				t.Errorf("%s%s gives away the secret", before, way)
			}
			if m := regexp.MustCompile(`(?m)^Location: (.*)\r$`).FindStringSubmatch(answer); m != nil && !regexp.MustCompile(`^/([^/\\]|$)`).MatchString(m[1]) {
				t.Errorf("%s%s leads to %s", before, way, m[1])
			}
		}
	}
	for _, name := range []string{"linked", "alias", ".qm", "..", "%2e%2e"} {
		for _, path := range []string{"/QM_dJobs/" + name + "/", "/download/QM_dJobs/" + name, "/api/v1/jobs/QM_dJobs/" + name, "/api/v1/jobs/QM_dJobs/" + name + "/log"} {
			if status, answer := p.send(p.request("GET", path)); status == "200" || strings.Contains(answer, secret) {
				t.Errorf("%s: %s", path, status)
			}
		}
	}
}

func (p *prey) methods(t *testing.T) {
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "MOVE", "MKCOL", "COPY", "LOCK", "get", "GETX"} {
		for _, path := range []string{"/", "/QM_dJobs/job/", "/view/QM_dJobs/job/process.log", "/download/job", "/api/v1/jobs/QM_dJobs/job", "/stop/job", "/delete/job"} {
			if status, _ := p.send(p.request(method, path)); status != "405" && status != "400" {
				t.Errorf("%s %s: %s", method, path, status)
			}
		}
	}
	override := "GET / HTTP/1.1\r\nHost: " + p.host + "\r\nX-HTTP-Method-Override: DELETE\r\nConnection: close\r\n\r\n"
	if status, _ := p.send(override); status != "200" {
		t.Errorf("a header that names another method: %s", status)
	}
}

func (p *prey) rebinding(t *testing.T) {
	_, port, err := net.SplitHostPort(p.host)
	p.must(err)
	for _, host := range []string{
		"evil.example", "evil.example:" + port, "localhost.evil.example", "localhost:" + port + ".evil.example", "127.0.0.1:80.evil.example", "127.0.0.1.evil.example:" + port,
		"localhost@evil.example", "evil.example#localhost", "[::1].evil.example", "0x7f000001", "2130706433", "127.1", "", "localhost,evil.example", "localhost evil",
	} {
		status, answer := p.send("GET /api/v1/jobs HTTP/1.1\r\nHost: " + host + "\r\nX-Forwarded-Host: localhost\r\nConnection: close\r\n\r\n")
		if status != "421" && status != "400" || strings.Contains(answer, `"jobs"`) {
			t.Errorf("host %q: %s", host, status)
		}
	}
	if status, _ := p.send("GET http://evil.example/ HTTP/1.1\r\nHost: " + p.host + "\r\nConnection: close\r\n\r\n"); status != "421" {
		t.Errorf("another host in the request line: %s", status)
	}
}

// scripts looks at all pages for texts of jobs that became markup.
func (p *prey) scripts(t *testing.T) {
	paths := []string{
		"/", "/?q=" + "%22%3E%3Cscript%3Ealert(1)%3C/script%3E", "/?owner=%22onmouseover=alert(1)%20x=%22", "/stats", "/stats?owner=%3Cscript%3Ealert(1)%3C/script%3E",
		"/none%3Cscript%3Ealert(1)%3C/script%3E", "/jobs/%3Cscript%3Ealert(1)%3C%2Fscript%3E", "/?state=%3Cscript%3Ealert(1)%3C/script%3E", "/?after=%3Cscript%3E",
	}
	for _, st := range layout.States {
		entries, err := os.ReadDir(filepath.Join(p.tree, st.Folder()))
		p.must(err)
		for _, e := range entries {
			paths = append(paths, "/"+st.Folder()+"/"+layout.ID(e.Name())+"/", "/"+st.Folder()+"/"+layout.ID(e.Name())+"/sub/")
			for _, file := range []string{"process.log", "page.html", "pic.svg", "proc_config.cfg"} {
				paths = append(paths, "/view/"+st.Folder()+"/"+layout.ID(e.Name())+"/"+file)
			}
		}
	}
	for _, path := range paths {
		_, answer := p.send(p.request("GET", path))
		head, body, _ := strings.Cut(answer, "\r\n\r\n")
		kind := regexp.MustCompile(`(?mi)^Content-Type: (\S+?);?( |\r|$)`).FindStringSubmatch(head)
		if !strings.Contains(head, "X-Content-Type-Options: nosniff") || !strings.Contains(head, "Content-Security-Policy: ") || strings.Contains(head, "unsafe-inline") {
			t.Errorf("%s: %s", path, head)
		}
		switch {
		case kind == nil:
		case strings.HasPrefix(path, "/view/") && kind[1] != "text/plain" && kind[1] != "text/html": // the latter: not there
			t.Errorf("%s comes as %s", path, kind[1])
		case kind[1] == "text/html" && (strings.Contains(body, "<script>") || strings.Contains(body, "<img src=x") || strings.Contains(body, `"onmouseover`)):
			t.Errorf("%s runs what a job wrote:\n%s", path, body)
		}
		if strings.Contains(head, "alert(1)<") || strings.ContainsAny(body, "\x1b") && kind != nil && kind[1] == "text/html" {
			t.Errorf("%s has raw bytes of a job", path)
		}
	}
	for _, path := range []string{"/%0d%0aX-Evil:%201", "/QM_dJobs/a%0d%0aX-Evil:%201", "/jobs/a%0d%0aX-Evil:1", "/download/a%0d%0aX-Evil:1"} {
		if _, answer := p.send(p.request("GET", path)); regexp.MustCompile(`(?m)^X-Evil`).MatchString(answer) {
			t.Errorf("%s makes a header of its own", path)
		}
	}
}

func (p *prey) archives(t *testing.T) {
	began := time.Now()
	status, answer := p.send(p.request("GET", "/download/QM_dJobs/job"))
	if status != "200" || strings.Contains(answer, secret) || !strings.Contains(answer, "left-out.txt") {
		t.Errorf("the archive of links and pipes: %s", status)
	}
	if status, _ := p.send(p.request("GET", "/download/large")); status != "413" {
		t.Errorf("the archive of 100 GB: %s", status)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("it took %v", took)
	}
	ranges := "GET /view/QM_dJobs/large/sparse HTTP/1.1\r\nHost: " + p.host + "\r\nConnection: close\r\nRange: bytes=" + strings.TrimSuffix(strings.Repeat("0-9,", 3000), ",") + "\r\n\r\n"
	if status, answer := p.send(ranges); len(answer) > 10<<20 {
		t.Errorf("many ranges: %s, %d bytes", status, len(answer))
	}
	if status, answer := p.send("GET /view/QM_dJobs/large/sparse HTTP/1.1\r\nHost: " + p.host + "\r\nConnection: close\r\nRange: bytes=-10\r\n\r\n"); status != "206" || !strings.HasSuffix(answer, strings.Repeat("\x00", 10)) {
		t.Errorf("the end of 100 GB: %s", status)
	}
}

// allRoutes asks for everything there is of each job.
func (p *prey) allRoutes(t *testing.T) {
	for _, pattern := range page.Routes() {
		for _, st := range layout.States {
			for _, name := range []string{"job", "bad\xff\x1b[2J\nname", "none"} {
				path := strings.NewReplacer("{folder}", st.Folder(), "{name}", layout.ID(name), "{file}", "style.css", "*", "process.log").Replace(pattern)
				for _, method := range []string{"GET", "HEAD"} {
					if status, answer := p.send(p.request(method, path)); status >= "500" && pattern != "/readyz" || status == "" || strings.Contains(answer, secret) {
						t.Errorf("%s %s: %s", method, path, status)
					}
				}
			}
		}
	}
}

func (p *prey) oddRequests(t *testing.T) {
	host := "Host: " + p.host + "\r\n"
	for _, request := range []string{
		"GET / HTTP/1.1\r\n" + host + host + "\r\n", "GET /" + strings.Repeat("a", 100<<10) + " HTTP/1.1\r\n" + host + "\r\n", "GET / HTTP/9.9\r\n" + host + "\r\n",
		"GET /\x00 HTTP/1.1\r\n" + host + "\r\n", "\x16\x03\x01\x02\x00\x01", "GET /?" + strings.Repeat("a&", 10_000) + " HTTP/1.1\r\n" + host + "\r\n",
		"GET / HTTP/1.1\r\n" + host + strings.Repeat("X: y\r\n", 10_000) + "\r\n", "GET / HTTP/1.1\r\n" + host + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\n" + host + "Transfer-Encoding: chunked, chunked\r\n\r\n", "GET /api/v1/jobs/QM_dJobs/job/log?offset=99999999999999999999&limit=-1 HTTP/1.1\r\n" + host + "\r\n",
	} {
		if status, answer := p.send(strings.Replace(request, "\r\n\r\n", "\r\nConnection: close\r\n\r\n", 1)); status >= "500" && status != "501" && status != "505" || strings.Contains(answer, secret) {
			t.Errorf("%.60q: %s", request, status)
		}
	}
}

// slowClients says half of a request on many connections, and reads nothing of
// the answers on others; everybody else is served all the same.
func (p *prey) slowClients(t *testing.T) {
	for i := range 2 * maxConnections {
		conn, err := net.Dial("tcp", p.host)
		if err != nil {
			t.Skip("so many connections can't be made here:", err)
		}
		defer conn.Close()
		if i%20 == 0 {
			fmt.Fprintf(conn, "GET /view/QM_dJobs/large/sparse HTTP/1.1\r\nHost: %s\r\n\r\n", p.host)
		} else {
			fmt.Fprintf(conn, "GET / HTTP/1.1\r\nHost: %s\r\nX-Slow: ", p.host)
		}
	}
	conn, err := net.Dial("tcp", p.host)
	p.must(err)
	defer conn.Close()
	fmt.Fprint(conn, p.request("GET", "/"))
	p.must(conn.SetReadDeadline(time.Now().Add(20 * time.Second)))
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("beside slow clients: %v", err)
	}
	answer.Body.Close()
}
