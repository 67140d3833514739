package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"qm/pkg/layout"
)

// call is a system call that came to its end, with the paths behind its
// descriptors.
type call struct{ name, args string }

// straced runs a drain under strace and returns the calls in the order of
// their ends, and the steps that were reached.
func straced(t *testing.T) (calls []call, steps map[string]int, c *crashTree) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		t.Skip("strace is not there")
	}
	c = newCrashTree(t)
	out, file := filepath.Join(c.dir, "strace"), filepath.Join(c.dir, "trace")
	cmd := exec.Command("strace", "-f", "-y", "-s", "4096", "-o", out,
		"-e", "trace=rename,renameat,renameat2,fsync,fdatasync,sync_file_range,execve,write",
		os.Args[0], "-config", "QMserv.cfg", "-drain")
	cmd.Dir, cmd.Env = c.dir, append(os.Environ(), twinVar+"=trace "+file)
	if text, err := cmd.CombinedOutput(); err != nil && strings.Contains(string(text), "ptrace") {
		t.Skipf("strace may not trace here: %s", text)
	}
	c.check("")
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	steps = make(map[string]int)
	marks, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(marks)) {
		_, step, _ := strings.Cut(strings.TrimSpace(line), "\t")
		steps[step]++
	}
	return parseStrace(string(data)), steps, c
}

var (
	whole   = regexp.MustCompile(`^(\d+) +(\w+)\((.*)\) += 0`)
	begun   = regexp.MustCompile(`^(\d+) +(\w+)\((.*) <unfinished \.\.\.>$`)
	resumed = regexp.MustCompile(`^(\d+) +<\.\.\. (\w+) resumed>(.*)\) += \d+`)
	written = regexp.MustCompile(`^(\d+) +(write)\((.*)\) += \d+`)
)

func parseStrace(text string) []call {
	var calls []call
	pending := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if m := whole.FindStringSubmatch(line); m != nil {
			calls = append(calls, call{m[2], m[3]})
		} else if m := begun.FindStringSubmatch(line); m != nil {
			pending[m[1]] = m[3]
		} else if m := resumed.FindStringSubmatch(line); m != nil {
			calls = append(calls, call{m[2], pending[m[1]] + m[3]})
		} else if m := written.FindStringSubmatch(line); m != nil {
			calls = append(calls, call{m[2], m[3]})
		}
	}
	return calls
}

func count(calls []call, tree layout.Tree, names ...string) int {
	n := 0
	for _, c := range calls {
		for _, name := range names {
			if c.name == name && strings.Contains(c.args, string(tree)) {
				n++
			}
		}
	}
	return n
}

// TestEachFileOperationIsAStep: as many renames and syncs happen as steps are
// told: none lies outside of what the crash tests try.
func TestEachFileOperationIsAStep(t *testing.T) {
	calls, steps, c := straced(t)
	renames := steps["move: renamed"] + steps["replace: renamed"] + steps["set aside: renamed"]
	if got := count(calls, c.tree, "rename", "renameat", "renameat2"); got != renames || got == 0 {
		t.Errorf("%d renames, %d steps of them", got, renames)
	}
	syncs := 0
	for _, step := range []string{
		"move: target synced", "move: source synced", "replace: written out", "replace: synced",
		"append: synced", "run file: folder synced", "sweep: folder synced",
	} {
		syncs += steps[step]
	}
	if got := count(calls, c.tree, "fsync", "fdatasync", "sync_file_range"); got != syncs || got == 0 {
		t.Errorf("%d syncs, %d steps of them", got, syncs)
	}
}

// TestTheOrderOfSyncs follows two jobs: their start is on disk before their shells
// run, their end before their folders move, and each move before what comes after.
func TestTheOrderOfSyncs(t *testing.T) {
	calls, _, c := straced(t)
	tree := regexp.QuoteMeta(string(c.tree))
	own := tree + `/QM_Jobs/%s/\.qm`
	record := []string{ // its last sync is its own, or its folder's
		`(sync_file_range|fsync) \d+<` + own + `/run\.json\.tmp>.*`,
		`rename\w* .*run\.json\.tmp.*`,
		`fsync \d+<` + own + `(/run\.json)?>`,
	}
	for _, job := range []string{"a", "b"} { // which has a record of an earlier run
		if missing := missingStep(calls, tree, job, record); missing != "" {
			var all strings.Builder
			for _, call := range calls {
				fmt.Fprintln(&all, call.name, call.args)
			}
			t.Errorf("does not come in its turn: %s\n%s", missing, all.String())
		}
	}
}

// missingStep returns what does not come in its turn in the life of a job, or "".
func missingStep(calls []call, tree, job string, record []string) string {
	run := `fdatasync \d+<` + tree + `/\.qm/run/[^>]*>`
	claim := []string{
		`rename\w* .*` + tree + `/QM_qJobs/%s".*` + tree + `/QM_Jobs/%s".*`,
		`fsync \d+<` + tree + `/QM_Jobs>`,
		`fsync \d+<` + tree + `/QM_qJobs>`,
	}
	start := []string{
		`write \d+<` + tree + `/\.qm/run/.*event\\":\\"starting\\".*job\\":\\"%s\\".*`,
		run,
		`execve "/bin/sh", .*exit .*`,
	}
	end := []string{
		`write \d+<` + tree + `/\.qm/run/.*event\\":\\"ended\\".*job\\":\\"%s\\".*`,
		run,
	}
	finish := []string{
		`rename\w* .*` + tree + `/QM_Jobs/%s".*` + tree + `/QM_dJobs/%s[^/]*".*`,
		`fsync \d+<` + tree + `/QM_dJobs>`,
		`fsync \d+<` + tree + `/QM_Jobs>`,
	}
	want := slices.Concat(claim, start, record, end, finish)
	for _, call := range calls {
		if len(want) > 0 && regexp.MustCompile(`^`+strings.ReplaceAll(want[0], "%s", job)+`$`).MatchString(call.name+" "+call.args) {
			want = want[1:]
		}
	}
	if len(want) > 0 {
		return want[0]
	}
	return ""
}
