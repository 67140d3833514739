package jobinfo

import (
	"strings"
	"testing"
)

func TestForSlurm(t *testing.T) {
	info, err := Parse("job.sh", []byte("#!/bin/sh\n#SBATCH --partition=long -c 2\n#QM e_mail : nobody\ntrue\n"))
	if err != nil || len(info.Warnings) != 2 {
		t.Fatalf("%q, %v", info.Warnings, err)
	}
	there := info.ForSlurm()
	if len(there.Warnings) != 1 || !strings.Contains(there.Warnings[0], "e_mail") || there.NbProc != 2 {
		t.Errorf("%+v", there)
	}
	if len(info.Warnings) != 2 {
		t.Errorf("the info itself has changed: %q", info.Warnings)
	}
}
