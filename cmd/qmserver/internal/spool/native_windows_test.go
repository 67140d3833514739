package spool

import (
	"os"
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

// native is what the tests' jobs say, for cmd. A % is written twice in an info
// file.
func native(cfg string) string {
	await := `"` + os.Args[0] + `" ` + awaited
	return strings.NewReplacer(
		`script = true`, `script = cd .`,
		`script = false`, `script = exit 1`,
		`echo "$QM_JOB" >>../../order`, `>>..\..\order echo %%QM_JOB%%`,
		`echo x >>runs`, `>>runs echo x`,
		`echo err >&2`, `echo err>&2`,
		`until [ -e ../../go ]; do sleep 0.01; done`, await+` ..\..\go`,
		`while [ ! -e go ]; do sleep 0.02; done`, await+` go`,
		`NB_PROC=$NB_PROC OMP=$OMP_NUM_THREADS`, `NB_PROC=%%NB_PROC%% OMP=%%OMP_NUM_THREADS%%`,
		`wc -c <data`, `for %%i in (data) do @echo %%~zi`,
		`test -e data`, `if not exist data exit 1`,
		`; `, `& `,
	).Replace(cfg)
}
