// Qmserver runs jobs that are folders: it takes them from QM_qJobs, runs each
// one's script in its folder, and moves it to QM_dJobs, or to QM_lost+found
// when it could not be run. See the README.
package main

import (
	"fmt"
	"os"
	"runtime"

	"qm/cmd/qmserver/internal/supervise"
)

func main() {
	// The table of a profile that nobody takes is a megabyte in each supervisor.
	runtime.MemProfileRate = 0
	os.Exit(qmserver())
}

// qmserver is the program. It returns its exit code.
func qmserver() int {
	if supervise.Asked(os.Args) {
		return supervise.Main()
	}
	opt, err := parseFlags(os.Args[1:])
	if err == nil {
		switch {
		case opt.help:
			fmt.Print(usage)
		case opt.version:
			fmt.Println("qmserver", version())
		case opt.check:
			err = checkFolders(opt)
		case opt.test:
			err = testMail(opt)
		default:
			err = serveHere(opt)
		}
	}
	return exitCode(err)
}
