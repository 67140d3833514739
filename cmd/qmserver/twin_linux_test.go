package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/supervise"
)

// twinVar makes this test binary the program itself, with a listener at its
// steps:
//
//	trace FILE         append each step to the file, with the role
//	kill ROLE N STEP   die by SIGKILL at the N-th time that STEP is reached,
//	                   but only the first process that comes so far
//	slow STEP          take 200 ms for each STEP, in the server
//	hang FILE STEP     wait at each STEP until the file is there, in the server
//	stat PATH          look at the path each second, and do nothing else
//	run                nothing
//
// The role is server or supervisor, or both: a supervisor that takes its server
// along.
const twinVar = "QM_TWIN"

// killedVar names a file that the process makes that dies.
const killedVar = "QM_TWIN_KILLED"

func TestMain(m *testing.M) {
	spec, twin := os.LookupEnv(twinVar)
	switch {
	case twin:
		listen(spec)
	case !supervise.Asked(os.Args): // one of another user has an environment of its own
		code := m.Run()
		removeBenchDirs()
		os.Exit(code)
	}
	os.Exit(qmserver())
}

func listen(spec string) {
	role := "server"
	if supervise.Asked(os.Args) {
		role = "supervisor"
	}
	what, rest, _ := strings.Cut(spec, " ")
	switch what {
	case "trace":
		f, err := os.OpenFile(rest, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
		if err != nil {
			panic(err)
		}
		probe.Listen(func(step string) { fmt.Fprintf(f, "%s\t%s\n", role, step) })
	case "slow":
		if role == "server" {
			probe.Listen(sleepAt(rest))
		}
	case "hang":
		if file, step, _ := strings.Cut(rest, " "); role == "server" {
			probe.Listen(hangAt(step, file))
		}
	case "stat":
		statForEver(rest)
	case "kill":
		fields := strings.SplitN(rest, " ", 3)
		n, err := strconv.Atoi(fields[1])
		if err != nil {
			panic(err)
		}
		if fields[0] == role || fields[0] == "both" && role == "supervisor" {
			probe.Listen(killAt(fields[2], n, fields[0] == "both"))
		}
	}
}

// slowSync is what a disk may take for a sync that has much to write.
const slowSync = 200 * time.Millisecond

func sleepAt(step string) func(string) {
	return func(s string) {
		if s == step {
			time.Sleep(slowSync)
		}
	}
}

func hangAt(step, file string) func(string) {
	return func(s string) {
		for s == step {
			if _, err := os.Stat(file); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
}

func killAt(step string, n int, both bool) func(string) {
	var mu sync.Mutex
	return func(s string) {
		mu.Lock() // and never unlocked by who dies
		if s == step {
			if n--; n == 0 {
				die(both)
			}
		}
		mu.Unlock()
	}
}

func die(both bool) {
	if _, err := os.OpenFile(os.Getenv(killedVar), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return
	}
	if both {
		_ = syscall.Kill(os.Getppid(), syscall.SIGKILL)
	}
	_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}
