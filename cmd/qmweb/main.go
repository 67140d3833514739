// Command qmweb shows the tree of folders that qmserver works on as web pages
// and as JSON. It changes nothing.
package main

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
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
	version := flag.Bool("version", false, "print the version and exit")
	flag.Parse()
	switch {
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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := serve(ctx, c, log); err != nil {
		log.Error("stopped", "error", err)
		return exitFailed
	}
	return exitDone
}
