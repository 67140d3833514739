package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/windows/svc"
)

// serveHere serves, as a service if the service manager has started this
// program.
func serveHere(opt options) error {
	if is, err := svc.IsWindowsService(); err != nil || !is {
		return serve(context.Background(), opt)
	}
	s := &windowsService{opt: opt}
	return errors.Join(svc.Run("qmserver", s), s.err)
}

// windowsService is a server that the service manager starts and stops.
type windowsService struct {
	opt options
	err error
}

// Execute serves until the manager says stop, or that the machine goes down.
// Its jobs run on, as long as the machine does.
func (s *windowsService) Execute(_ []string, requests <-chan svc.ChangeRequest, status chan<- svc.Status) (bool, uint32) {
	if s.err = s.goHome(); s.err != nil {
		return true, uint32(exitCode(s.err))
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, s.opt) }()
	const accepted = svc.AcceptStop | svc.AcceptShutdown
	status <- svc.Status{State: svc.Running, Accepts: accepted}
	for {
		select {
		case s.err = <-ended:
			status <- svc.Status{State: svc.StopPending}
			return s.err != nil, uint32(exitCode(s.err))
		case r := <-requests:
			switch r.Cmd {
			case svc.Interrogate:
				status <- r.CurrentStatus
			case svc.Stop, svc.Shutdown:
				status <- svc.Status{State: svc.StopPending}
				stop()
			default: // nothing else was asked for
			}
		}
	}
}

// goHome goes to the folder of the configuration, or else of the program: the
// manager starts services in a folder of the system.
func (s *windowsService) goHome() error {
	if s.opt.config == "" {
		exe, err := os.Executable()
		if err != nil {
			return err
		}
		return os.Chdir(filepath.Dir(exe))
	}
	path, err := filepath.Abs(s.opt.config)
	if err != nil {
		return err
	}
	s.opt.config = path
	return os.Chdir(filepath.Dir(path))
}
