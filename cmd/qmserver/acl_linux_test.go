package main_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"qm/cmd/qmserver/internal/patient"
)

// The users of the test: numbers that nobody needs to have.
const (
	theServer = 54321
	aMember   = 54322
	theGroup  = 54323
)

// TestSharedByAGroup does what the README says of a queue that a group shares
// by ACLs, with its two lines: a member's job runs as the server's user, and
// the member can read and delete all of it.
func TestSharedByAGroup(t *testing.T) {
	if os.Getuid() != 0 {
		t.Skip("skipped without root: the server and who drops jobs are two users")
	}
	if _, err := exec.LookPath("setfacl"); err != nil {
		t.Skip("skipped without setfacl: a queue that a group shares")
	}
	dir := t.TempDir()
	for parent := dir; parent != os.TempDir(); parent = filepath.Dir(parent) {
		if err := os.Chmod(parent, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", dir+"/", "qm/cmd/qmserver").CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	tree := dir + "/QM"
	write(t, dir+"/QMserv.cfg", "[QMServer]\nsettle_time = 0.2\n")
	if err := os.Mkdir(tree, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chown(tree, theServer, theServer); err != nil {
		t.Fatal(err)
	}
	server := as(exec.Command(dir+"/qmserver", "-config", dir+"/QMserv.cfg"), theServer)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Signal(os.Interrupt); _ = server.Wait() })
	exists := func(path string) func() bool {
		return func() bool { _, err := os.Stat(filepath.Join(tree, path)); return err == nil }
	}
	said := func() string { data, _ := os.ReadFile(tree + "/QueueManager.log"); return string(data) }
	patient.Until(t, "the folders", exists("QM_qJobs"), said)
	setACLs(t, tree)

	drop := fmt.Sprintf("umask 022; cd %s/QM_qJobs; mkdir a; printf '[QMOptions]\\nscript = id -u >out; mkdir sub; touch sub/x\\n' >a/proc_config.cfg; chmod -R g+rwX a", tree)
	if out, err := as(exec.CommandContext(t.Context(), "sh", "-euc", drop), aMember).CombinedOutput(); err != nil {
		t.Fatalf("drop: %v\n%s", err, out)
	}
	patient.Until(t, "it is done", exists("QM_dJobs/a"), said)
	take := fmt.Sprintf("cd %s/QM_dJobs; cat a/out a/process.log; rm -r a", tree)
	out, err := as(exec.CommandContext(t.Context(), "sh", "-euc", take), aMember).CombinedOutput()
	if err != nil || !strings.HasPrefix(string(out), fmt.Sprint(theServer, "\n")) {
		t.Errorf("read and delete: %v\n%s", err, out)
	}
}

// as has the command run as the user, a member of the group.
func as(cmd *exec.Cmd, uid uint32) *exec.Cmd {
	cmd.Env = append(os.Environ(), "HOME=/")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid, Groups: []uint32{theGroup}}}
	return cmd
}

// setACLs runs the lines of the README for this tree.
func setACLs(t *testing.T, tree string) {
	t.Helper()
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	lines := 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "setfacl ") {
			continue
		}
		lines++
		line = strings.NewReplacer("g:lab:", fmt.Sprintf("g:%d:", theGroup), "u:qm:", fmt.Sprintf("u:%d:", theServer), "/srv/QM", tree).Replace(line)
		out, err := exec.CommandContext(t.Context(), "sh", "-euc", line).CombinedOutput()
		if strings.Contains(string(out), "Operation not supported") {
			t.Skip("skipped where the file system has no ACLs: a queue that a group shares")
		}
		if err != nil {
			t.Fatalf("%s%v\n%s", line, err, out)
		}
	}
	if lines != 2 {
		t.Errorf("the README has %d lines that begin with setfacl, want 2", lines)
	}
}
