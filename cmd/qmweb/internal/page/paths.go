package page

import (
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/go-chi/chi/v5"

	"qm/pkg/layout"
)

// place is a job as a URL names it.
type place struct {
	state layout.State
	name  string
}

func (p place) String() string { return p.state.Folder() + "/" + layout.ID(p.name) }

// stateOf reads {folder}.
func stateOf(r *http.Request) (layout.State, error) {
	folder, err := layout.NameOfID(chi.URLParam(r, "folder"))
	if st, ok := layout.StateOfFolder(folder); ok && err == nil {
		return st, nil
	}
	return 0, notFound("There is no such page here. Jobs lie in QM_qJobs, QM_Jobs, QM_dJobs and QM_lost+found.")
}

// placeOf reads {folder} and {name}.
func placeOf(r *http.Request) (place, error) {
	st, err := stateOf(r)
	if err != nil {
		return place{}, err
	}
	name, err := nameOf(r)
	return place{st, name}, err
}

// nameOf reads {name}. Hidden folders are no jobs; .qm is one of them.
func nameOf(r *http.Request) (string, error) {
	name, err := layout.NameOfID(chi.URLParam(r, "name"))
	if err != nil || strings.HasPrefix(name, ".") {
		return "", notFound("There is no such job.")
	}
	return name, nil
}

// pathOf reads the rest of the path: the way to a file in the job's folder, by
// elements. A slash at its end does not count.
func pathOf(r *http.Request) ([]string, error) {
	rest := strings.TrimSuffix(chi.URLParam(r, "*"), "/")
	if rest == "" {
		return nil, nil
	}
	var elems []string
	for id := range strings.SplitSeq(rest, "/") {
		name, err := layout.NameOfID(id)
		if err != nil {
			return nil, notFound("There is no such file.")
		}
		elems = append(elems, name)
	}
	if isOwn(elems[0]) {
		return nil, notFound("What QM keeps for itself is not shown here.")
	}
	return elems, nil
}

// isOwn tells whether an entry of a job's folder is QM's own, also where case
// does not count.
func isOwn(name string) bool { return strings.EqualFold(name, layout.Own) }

// openJob opens the folder of a job. If it was moved on, the error is a moved
// that says whereto.
func (s *site) openJob(p place) (*os.Root, error) {
	for range openTries {
		dir, err := s.Store.OpenJob(p.state, p.name)
		if err == nil || !os.IsNotExist(err) {
			return dir, err
		}
		j := s.Store.Moved(p.name)
		if j == nil {
			break
		}
		if to := (place{j.State, j.Name}); to != p {
			return nil, &moved{to}
		}
	}
	return nil, notFound(fmt.Sprintf("There is no job %s in %s.", nameText(p.name), p.state.Folder()))
}

// openTries is how often a job may come back to where it was looked for.
const openTries = 3

// moved says that a job is elsewhere now.
type moved struct{ to place }

func (m *moved) Error() string {
	return fmt.Sprintf("The job %s is in %s now.", nameText(m.to.name), m.to.state.Folder())
}

// openInside opens a file or folder in a job's folder by open. Links are
// followed as far as they stay inside; but not to what is QM's own.
func openInside(dir *os.Root, elems []string, open func(name string) (*os.File, os.FileInfo, error)) (*os.File, os.FileInfo, error) {
	f, info, err := open(strings.Join(elems, "/"))
	if err != nil {
		return nil, nil, err
	}
	if sameAsOwn(dir, info) {
		f.Close()
		return nil, nil, notFound("What QM keeps for itself is not shown here.")
	}
	return f, info, nil
}

// sameAsOwn tells whether a file is .qm or one of the files in it, under
// whatever name it was reached.
func sameAsOwn(dir *os.Root, info os.FileInfo) bool {
	own, err := dir.Lstat(layout.Own)
	if err != nil {
		return false
	}
	if os.SameFile(own, info) {
		return true
	}
	d, err := dir.Open(layout.Own + "/.")
	if err != nil {
		return false
	}
	defer d.Close()
	const most = 100 // we put one there
	entries, _ := d.Readdirnames(most)
	for _, name := range entries {
		if one, err := dir.Stat(layout.Own + "/" + name); err == nil && os.SameFile(one, info) {
			return true
		}
	}
	return false
}
