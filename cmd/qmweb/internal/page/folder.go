package page

import (
	"cmp"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"qm/pkg/layout"
)

// Bounds of a listing: a folder may hold millions of files.
const (
	maxListed = 1000
	maxSeen   = 20_000
)

// folderPage is the data of folder.html.
type folderPage struct {
	frame
	Heading string
	Job     string
	JobLink string
	Path    []crumb // the folders on the way, the last one is this
	Files   *listing
}

type crumb struct{ Name, Link string }

// listing is what a folder holds.
type listing struct {
	Files []fileView
	More  string // that there are more than are listed
}

// fileView is an entry of a folder. Link is empty for what can't be opened.
type fileView struct {
	Name, Link string
	Kind       string // folder, file, special, or what a link is
	Size       string
	Modified   moment
}

// folder shows a folder inside a job's; a file there is shown by view.
func (s *site) folder(w http.ResponseWriter, r *http.Request, p place, elems []string) error {
	dir, err := s.openJob(p)
	if err != nil {
		return err
	}
	defer dir.Close()
	name := strings.Join(elems, "/")
	info, err := dir.Stat(name)
	if err != nil {
		return err
	}
	if info.Mode().IsRegular() {
		return s.redirect(w, r, "/view/"+p.String()+"/"+idPath(elems))
	} else if !info.IsDir() {
		return layout.ErrNotRegular
	}
	files, err := s.listFolder(dir, p, elems, clock{now: time.Now()})
	if err != nil {
		return err
	}
	link := s.Prefix + "/" + p.String() + "/"
	page := &folderPage{frame: s.frame(nameText(name)), Heading: nameText(elems[len(elems)-1]), Job: nameText(p.name), JobLink: link, Files: files}
	page.Refresh, page.Here = 0, "jobs"
	for i, elem := range elems {
		page.Path = append(page.Path, crumb{nameText(elem), link + idPath(elems[:i+1]) + "/"})
	}
	return render(w, r, http.StatusOK, "folder.html", page)
}

// idPath is a path inside a job as it stands in a URL.
func idPath(elems []string) string {
	ids := make([]string, len(elems))
	for i, e := range elems {
		ids[i] = layout.ID(e)
	}
	return strings.Join(ids, "/")
}

// listFolder lists a folder inside a job's, folders first.
func (s *site) listFolder(dir *os.Root, p place, elems []string, c clock) (*listing, error) {
	d, _, err := openInside(dir, elems, func(name string) (*os.File, os.FileInfo, error) { return s.Store.Sight().OpenFolder(dir, name) })
	if err != nil {
		return nil, err
	}
	defer d.Close()
	names, err := d.Readdirnames(maxSeen)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(elems) == 0 {
		names = slices.DeleteFunc(names, isOwn)
	}
	slices.Sort(names)
	l := &listing{}
	if n := len(names); n > maxListed {
		names, l.More = names[:maxListed], humanize.Comma(int64(n-maxListed))+" more"
		if n >= maxSeen-1 {
			l.More = "very many more"
		}
	}
	for _, name := range names {
		path := append(slices.Clone(elems), name)
		if info, err := dir.Lstat(strings.Join(path, "/")); err == nil {
			v := s.viewFile(p, path, info, c)
			if info.Mode()&fs.ModeSymlink != 0 {
				if v.Kind = linkKind(dir, strings.Join(path, "/")); v.Kind != followed {
					v.Link = ""
				}
			}
			l.Files = append(l.Files, v)
		}
	}
	slices.SortStableFunc(l.Files, func(a, b fileView) int { return cmp.Compare(kindRank(a.Kind), kindRank(b.Kind)) })
	return l, nil
}

func kindRank(kind string) int {
	if kind == "folder" {
		return 0
	}
	return 1
}

func (s *site) viewFile(p place, elems []string, info fs.FileInfo, c clock) fileView {
	v := fileView{Name: nameText(elems[len(elems)-1]), Modified: c.moment(info.ModTime())}
	switch mode := info.Mode(); {
	case mode.IsDir():
		v.Kind, v.Link = "folder", s.Prefix+"/"+p.String()+"/"+idPath(elems)+"/"
	case mode.IsRegular():
		v.Kind, v.Link = "file", s.Prefix+"/view/"+p.String()+"/"+idPath(elems)
		v.Size = humanize.IBytes(uint64(info.Size()))
	case mode&fs.ModeSymlink != 0:
		v.Link = s.Prefix + "/" + p.String() + "/" + idPath(elems)
	default:
		v.Kind = "special"
	}
	return v
}

// followed is the kind of a link that leads to a file or folder of the job.
const followed = "link"

// linkKind tells of a link whether it is followed, and if not, why.
func linkKind(dir *os.Root, name string) string {
	info, err := dir.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ELOOP):
		return "link that leads nowhere"
	case err != nil:
		return "link out of this folder, not followed"
	case !info.IsDir() && !info.Mode().IsRegular(), sameAsOwn(dir, info):
		return "link to what is not shown"
	}
	return followed
}
