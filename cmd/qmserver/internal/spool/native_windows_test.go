package spool

import (
	"os"
	"regexp"
	"strings"
	"time"
)

// awaited is the first argument of this test as a program that waits for a file.
const awaited = "-await"

func init() {
	if len(os.Args) != 3 || os.Args[1] != awaited {
		return
	}
	for _, err := os.Lstat(os.Args[2]); err != nil; _, err = os.Lstat(os.Args[2]) {
		time.Sleep(10 * time.Millisecond)
	}
	os.Exit(0)
}

// loop waits for a file.
var loop = regexp.MustCompile(`(?:until \[|while \[ !) -e (\S+) \]; do sleep [0-9.]+; done`)

// native is what the tests' jobs say, for cmd. A % is written twice in an info
// file.
func native(cfg string) string {
	cfg = loop.ReplaceAllString(cfg, strings.ReplaceAll(`"`+os.Args[0]+`" `+awaited, "$", "$$")+" $1")
	return strings.NewReplacer(
		`script = true`, `script = cd .`,
		`script = false`, `script = exit 1`,
		`echo "$QM_JOB" >>../../order`, `>>..\..\order echo %%QM_JOB%%`,
		`echo x >>runs`, `>>runs echo x`,
		`echo err >&2`, `echo err>&2`,
		`NB_PROC=$NB_PROC OMP=$OMP_NUM_THREADS`, `NB_PROC=%%NB_PROC%% OMP=%%OMP_NUM_THREADS%%`,
		`wc -c <data`, `for %%i in (data) do @echo %%~zi`,
		`test -e data`, `if not exist data exit 1`,
		`; `, `& `,
	).Replace(cfg)
}
