package main_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/patient"
)

// share is a tree that a Samba of its own serves, with a server beside it.
type share struct {
	*testing.T
	dir  string
	port int
}

// smbConf keeps all of Samba in the test's folder.
const smbConf = `[global]
server role = standalone server
smb ports = %[2]d
interfaces = 127.0.0.1
bind interfaces only = yes
disable netbios = yes
map to guest = Bad User
guest account = %[3]s
load printers = no
private dir = %[1]s/samba
lock directory = %[1]s/samba
state directory = %[1]s/samba
cache directory = %[1]s/samba
pid directory = %[1]s/samba
ncalrpc dir = %[1]s/samba/ncalrpc
log file = %[1]s/samba/log
[qm]
path = %[1]s/QM
read only = no
guest ok = yes
force user = %[3]s
`

func newShare(t *testing.T) *share {
	t.Helper()
	for _, needed := range []string{"smbd", "smbclient"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("skipped without %s: a tree that Samba serves", needed)
		}
	}
	if os.Getuid() != 0 {
		t.Skip("skipped without root: smbd becomes the user who writes")
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	s := &share{T: t, dir: t.TempDir(), port: freePort(t)}
	for _, dir := range []string{"samba/ncalrpc", "QM"} {
		if err := os.MkdirAll(filepath.Join(s.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	write(t, s.dir+"/smb.conf", fmt.Sprintf(smbConf, s.dir, s.port, me.Username))
	write(t, s.dir+"/QMserv.cfg", "[QMServer]\nsettle_time = 2\n")
	s.start("smbd", "--foreground", "--no-process-group", "--configfile="+s.dir+"/smb.conf")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", s.dir+"/", "qm/cmd/qmserver")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	s.start(s.dir + "/qmserver")
	s.waitFor("the share", func() bool { _, err := s.smb("ls"); return err == nil && s.exists("QM/QM_qJobs") })
	return s
}

// freePort is one that nobody has now.
func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	n, _ := strconv.Atoi(port)
	return n
}

func (s *share) start(name string, args ...string) {
	s.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = s.dir
	if err := cmd.Start(); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = cmd.Process.Signal(os.Interrupt)
		if name == "smbd" {
			kill(cmd) // its children go when the pipe to it breaks
		}
		_ = cmd.Wait()
	})
}

// smb has smbclient do the commands.
func (s *share) smb(commands ...string) (string, error) {
	out, err := exec.CommandContext(s.Context(), "smbclient", "--configfile="+s.dir+"/smb.conf", "-N", "-p", strconv.Itoa(s.port),
		"//127.0.0.1/qm", "-c", strings.Join(commands, ";")).CombinedOutput()
	return string(out), err
}

func (s *share) do(commands ...string) {
	s.Helper()
	if out, err := s.smb(commands...); err != nil {
		s.Fatalf("%q: %v\n%s", commands, err, out)
	}
}

func (s *share) exists(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

func (s *share) read(name string) string {
	data, _ := os.ReadFile(filepath.Join(s.dir, name))
	return string(data)
}

func (s *share) waitFor(what string, cond func() bool) {
	s.Helper()
	patient.Until(s, what, cond, func() string { return s.read("QM/QueueManager.log") })
}

// TestSamba: what clients put through a share, file by file, never starts
// early; STOP and another run work through it.
func TestSamba(t *testing.T) {
	s := newShare(t)
	const files = 20
	write(t, s.dir+"/info", "[QMOptions]\nscript = ls data.* | wc -l >>count; while [ -e wait ]; do sleep 0.05; done\n")
	write(t, s.dir+"/data", strings.Repeat("x", 1<<16))
	s.do(`mkdir QM_qJobs\a`, `put `+s.dir+`/info QM_qJobs\a\proc_config.cfg`, `put `+s.dir+`/data QM_qJobs\a\wait`)
	for i := range files { // each by a client of its own, as a slow network does
		s.do(fmt.Sprintf(`put %s/data QM_qJobs\a\data.%d`, s.dir, i))
	}
	last := time.Now()
	s.waitFor("it runs", func() bool { return s.exists("QM/QM_Jobs/a/count") })
	t.Logf("it ran %s after the last byte", time.Since(last).Round(10*time.Millisecond))
	s.do(`put ` + s.dir + `/data QM_Jobs\a\STOP`)
	s.waitFor("it is stopped", func() bool { return s.exists("QM/QM_dJobs/a/count") })
	if out := s.read("QM/QM_dJobs/a/process.log"); !strings.Contains(out, "QM: stopped: a file named STOP") {
		t.Errorf("log:\n%s", out)
	}
	s.do(`rm QM_dJobs\a\STOP`, `rm QM_dJobs\a\wait`, `rename QM_dJobs\a QM_qJobs\a`)
	s.waitFor("it is run again", func() bool { return s.exists("QM/QM_dJobs/a/process.1.log") })
	if got, want := s.read("QM/QM_dJobs/a/count"), fmt.Sprintf("%d\n%[1]d\n", files); got != want {
		t.Errorf("it saw %q files, want %q", got, want)
	}
}
