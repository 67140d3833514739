package jobinfo

import (
	"errors"
	"strings"
	"testing"
)

func TestWindowsScript(t *testing.T) {
	for name, text := range map[string]string{
		"job.bat": "@echo off\r\nREM QM nb_proc : 3\r\n:: QM info = a fit\r\n\r\n@rem plain\r\nfit.exe\r\nREM QM priority : 9\r\n",
		"JOB.CMD": "rem QM nb_proc: 3\nREM\tQM info: a fit\n@ECHO OFF\nfit.exe\nrem qm priority = 9",
		"job.ps1": "\xef\xbb\xbf# QM nb_proc : 3\r\n#QM info : a fit\r\n# plain\r\n.\\fit.exe\r\n# QM priority : 9\r\n",
	} {
		info, err := Parse(name, []byte(text))
		if err != nil || info.NbProc != 3 || info.Info != "a fit" || info.Priority != 0 || !info.Format.IsScript() {
			t.Errorf("%s: %+v, %v", name, info, err)
		}
		if len(info.Warnings) != 1 || !strings.Contains(info.Warnings[0], "not read") {
			t.Errorf("%s: warnings %q", name, info.Warnings)
		}
	}
}

func TestWindowsScriptRefused(t *testing.T) {
	_, err := Parse("job.bat", []byte("REM QM nb_proc : many\r\n"))
	var all Refusals
	if !errors.As(err, &all) || all[0].Line != 1 || !strings.Contains(err.Error(), "REM QM nb_proc : 2") {
		t.Errorf("%v", err)
	}
}
