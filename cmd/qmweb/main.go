// Command qmweb shows the tree of folders that qmserver works on as web pages
// and as JSON. It changes nothing.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"qm/cmd/qmweb/internal/config"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() { os.Exit(run()) }

func run() int {
	file := flag.String("config", "", "read this `file`; without it "+config.DefaultFile+", if it is here")
	password := flag.Bool("password", false, "ask for a password and print a line for Password_file; behind it the user's name may stand")
	version := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	switch {
	case *password && flag.NArg() <= 1:
		return passwordLine(*file, flag.Arg(0))
	case flag.NArg() > 0:
		fmt.Fprintf(flag.CommandLine.Output(), "qmweb: %q is not understood: there are only options\n", flag.Arg(0))
		flag.Usage()
		return exitUsage
	case *version:
		fmt.Println("qmweb", buildVersion())
		return exitDone
	}
	c, err := config.Load(*file)
	if err != nil {
		fmt.Fprintf(os.Stderr, "qmweb: the configuration is not accepted:\n%v\n", err)
		return exitUsage
	}
	debug.SetGCPercent(gcPercent)
	// A fault of the program itself, and a watchdog's SIGABRT, end it by a signal:
	// with code 2, which is Go's own, a service manager would not start it again.
	debug.SetTraceback("crash")
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	switch err := serve(ctx, c, log, confineTo); {
	case errors.Is(err, errConfiguration):
		fmt.Fprintf(os.Stderr, "qmweb: %v\n", err)
		return exitUsage
	case err != nil:
		log.Error("stopped", "error", err)
		return exitFailed
	}
	return exitDone
}

// gcPercent trades a little time for memory: what is kept of 100,000 jobs is
// read again and again and hardly ever changes.
const gcPercent = 50

// passwordLine prints a line for the password file: for this user, the one that
// the configuration names, or whoever asks.
func passwordLine(file, name string) int {
	if c, err := config.Load(file); name == "" && err == nil {
		name = c.User
	}
	if err := printPassword(name, os.Stdin, os.Stdout, os.Stderr); err != nil {
		fmt.Fprintf(os.Stderr, "qmweb: %v\n", err)
		return exitFailed
	}
	return exitDone
}
