package layout_test

import (
	"path/filepath"
	"testing"

	"qm/pkg/layout"
)

func TestStates(t *testing.T) {
	want := []struct{ word, folder string }{
		{"queued", "QM_qJobs"}, {"running", "QM_Jobs"}, {"done", "QM_dJobs"}, {"lost", "QM_lost+found"},
	}
	for i, state := range layout.States {
		if state.String() != want[i].word || state.Folder() != want[i].folder {
			t.Errorf("state %d is %s in %s, want %v", i, state, state.Folder(), want[i])
		}
		if got, ok := layout.StateOfFolder(state.Folder()); !ok || got != state {
			t.Errorf("StateOfFolder(%q) = %v, %v", state.Folder(), got, ok)
		}
		if got, ok := layout.StateOfWord(state.String()); !ok || got != state {
			t.Errorf("StateOfWord(%q) = %v, %v", state, got, ok)
		}
	}
	for _, strange := range []string{"", "QM_", "qm_jobs", "QM_qJobs/"} {
		if got, ok := layout.StateOfFolder(strange); ok {
			t.Errorf("StateOfFolder(%q) = %v, want none", strange, got)
		}
		if got, ok := layout.StateOfWord(strange); ok {
			t.Errorf("StateOfWord(%q) = %v, want none", strange, got)
		}
	}
}

func TestTreePaths(t *testing.T) {
	tree := layout.Tree("tree")
	for _, c := range []struct{ got, want string }{
		{tree.Folder(layout.Queued), "tree/QM_qJobs"},
		{tree.Job(layout.Lost, "a b"), "tree/QM_lost+found/a b"},
		{tree.Path(layout.HeartbeatFile), "tree/.qm/server.json"},
	} {
		if filepath.ToSlash(c.got) != c.want {
			t.Errorf("path %q, want %q", c.got, c.want)
		}
	}
}
