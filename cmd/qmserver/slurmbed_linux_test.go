package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/patient"
	"qm/cmd/qmserver/internal/proc"
)

// bed is a real Slurm of two nodes on this machine, which needs neither root nor
// systemd: its daemons listen on the loopback, and all that is theirs lies in one
// folder.
type bed struct {
	testing.TB
	dir     string
	nodes   []string
	daemons map[string]*exec.Cmd // those that run, by name
	args    map[string][]string
}

// bedConf is its slurm.conf. A dead node is noticed soon, and a job is started
// within a second or two; the rest is what Slurm does by default.
const bedConf = `ClusterName=qmtest
SlurmctldHost=%[2]s(127.0.0.1)
SlurmctldPort=%[4]d
SlurmUser=%[3]s
SlurmdUser=%[3]s
AuthType=auth/munge
AuthInfo=socket=%[1]s/munge.socket
CommunicationParameters=%[5]s
StateSaveLocation=%[1]s/state
SlurmdSpoolDir=%[1]s/spool-%%n
SlurmctldPidFile=%[1]s/slurmctld.pid
SlurmdPidFile=%[1]s/slurmd-%%n.pid
SlurmctldLogFile=%[1]s/slurmctld.log
SlurmdLogFile=%[1]s/slurmd-%%n.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=4,bf_continue
SlurmdTimeout=10
ReturnToService=2
KillWait=2
PartitionName=qm Nodes=ALL Default=YES MaxTime=INFINITE State=UP
`

// newBed brings a Slurm up whose nodes have so many processors, as they think.
func newBed(t testing.TB, processors int) *bed {
	t.Helper()
	t.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin")
	for _, needed := range []string{"munged", "slurmctld", "slurmd", "sbatch", "squeue", "scancel", "scontrol"} {
		if _, err := exec.LookPath(needed); err != nil {
			t.Skipf("skipped without %s: jobs under a real Slurm", needed)
		}
	}
	dir := t.TempDir()
	b := &bed{TB: t, dir: dir, nodes: []string{"node1", "node2"}, daemons: make(map[string]*exec.Cmd), args: make(map[string][]string)}
	t.Cleanup(b.down)
	b.configure(processors)
	t.Setenv("SLURM_CONF", filepath.Join(dir, "slurm.conf"))
	for _, name := range b.names() {
		b.start(name)
	}
	patient.Until(t, "the nodes are idle", func() bool {
		out, _ := b.slurm("sinfo", "--noheader", "--format=%T")
		return strings.TrimSpace(out) == "idle"
	}, b.logs)
	return b
}

// names are the daemons in the order in which they are started.
func (b *bed) names() []string {
	return append([]string{"munged", "slurmctld"}, b.nodes...)
}

func (b *bed) configure(processors int) {
	b.Helper()
	me, err := user.Current()
	if err != nil {
		b.Fatal(err)
	}
	name, err := os.Hostname()
	if err != nil {
		b.Fatal(err)
	}
	host, _, _ := strings.Cut(name, ".")
	port := func() int {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port
	}
	bind := ""
	if at, err := net.LookupIP(host); err == nil && len(at) > 0 && at[0].IsLoopback() {
		bind = "NoCtldInAddrAny,NoInAddrAny" // else they listen on all addresses
	}
	conf := fmt.Sprintf(bedConf, b.dir, host, me.Username, port(), bind)
	if bind == "" {
		conf = strings.Replace(conf, "CommunicationParameters=\n", "", 1)
	}
	for _, n := range b.nodes {
		conf += fmt.Sprintf("NodeName=%[1]s NodeHostname=%[1]s NodeAddr=127.0.0.1 Port=%d CPUs=%d State=UNKNOWN\n", n, port(), processors)
		b.args[n] = []string{"slurmd", "-D", "-N", n}
		b.mkdir("spool-" + n)
	}
	b.mkdir("state")
	b.args["slurmctld"] = []string{"slurmctld", "-D"}
	b.args["munged"] = []string{
		"munged", "-F", "--force", "--key-file=" + b.dir + "/key", "--socket=" + b.dir + "/munge.socket",
		"--pid-file=" + b.dir + "/munged.pid", "--log-file=" + b.dir + "/munged.log", "--seed-file=" + b.dir + "/seed",
	}
	key := make([]byte, 1024)
	_, _ = rand.Read(key)
	b.write("key", key)
	b.write("slurm.conf", []byte(conf))
}

func (b *bed) mkdir(name string) {
	b.Helper()
	if err := os.Mkdir(filepath.Join(b.dir, name), 0o755); err != nil {
		b.Fatal(err)
	}
}

func (b *bed) write(name string, data []byte) {
	b.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, name), data, 0o600); err != nil {
		b.Fatal(err)
	}
}

// start starts a daemon, again too, and waits until it answers.
func (b *bed) start(name string) {
	b.Helper()
	out, err := os.OpenFile(filepath.Join(b.dir, name+".out"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		b.Fatal(err)
	}
	defer out.Close()
	args := b.args[name]
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = "/", out, out
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.daemons[name] = cmd
	patient.Until(b, name+" answers", func() bool {
		switch name {
		case "munged":
			return exec.Command("munge", "-S", b.dir+"/munge.socket", "-n").Run() == nil
		case "slurmctld":
			out, _ := b.slurm("scontrol", "ping")
			return strings.Contains(out, "is UP")
		}
		return true
	}, b.logs)
}

// kill ends a daemon by SIGKILL.
func (b *bed) kill(name string) {
	b.Helper()
	if err := b.daemons[name].Process.Kill(); err != nil {
		b.Error(err)
	}
	_ = b.daemons[name].Wait()
	delete(b.daemons, name)
}

// slurm runs a command of Slurm's and returns what it says.
func (b *bed) slurm(name string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, name, args...).Output()
	return string(out), err
}

// logs is what the daemons have said last.
func (b *bed) logs() string {
	var all bytes.Buffer
	files, _ := filepath.Glob(b.dir + "/*.log")
	for _, file := range files {
		data, _ := os.ReadFile(file)
		fmt.Fprintf(&all, "== %s\n%s", filepath.Base(file), data[max(0, len(data)-60000):])
	}
	return all.String()
}

// down ends the daemons and all that jobs have left.
func (b *bed) down() {
	if b.Failed() {
		b.Log(b.logs())
	}
	if b.daemons["slurmctld"] != nil && b.daemons["munged"] != nil {
		_, _ = b.slurm("scancel", "--me")
	}
	b.endJobs()
	names := b.names()
	slices.Reverse(names)
	for _, name := range names {
		cmd := b.daemons[name]
		if cmd == nil {
			continue
		}
		_ = cmd.Process.Signal(syscall.SIGTERM)
		late := time.AfterFunc(5*time.Second, func() { _ = cmd.Process.Kill() })
		_ = cmd.Wait()
		late.Stop()
	}
	b.endJobs()
}

// endJobs ends what belongs to a job of this Slurm, and who looks after it.
func (b *bed) endJobs() {
	conf := filepath.Join(b.dir, "slurm.conf")
	for range 100 {
		left := proc.WithVariable("SLURM_CONF", conf, -1)
		left = slices.DeleteFunc(left, func(pid int) bool {
			env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
			return !bytes.Contains(env, []byte("SLURM_JOB_ID="))
		})
		steps := proc.Commands(func(args []string) bool {
			return strings.HasPrefix(args[0], "slurmstepd: [") || filepath.Base(args[0]) == "slurmstepd"
		})
		for _, s := range steps {
			if log, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", s.PID)); slices.ContainsFunc(log, func(fd string) bool {
				to, _ := os.Readlink(fd)
				return strings.HasPrefix(to, b.dir+"/slurmd-")
			}) {
				left = append(left, s.PID)
			}
		}
		if len(left) == 0 {
			return
		}
		for _, pid := range left {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		time.Sleep(20 * time.Millisecond)
	}
}
