package mail

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/cmd/qmserver/internal/spool"
	"qm/pkg/layout"
)

// The names in the outbox; see the package comment.
const (
	newSuffix  = ".new"
	mailSuffix = ".mail"
	failedDir  = "failed"
)

// maxLetter bounds a file of the outbox: the end of a log, names and reasons.
const maxLetter = 256 << 10

// openFolder opens the outbox. Its letters hold lines of logs, so it is the
// server's alone.
func openFolder(at string) (*os.Root, error) {
	if err := os.Mkdir(at, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("make outbox: %w", err)
	}
	dir, err := os.OpenRoot(at)
	if err != nil {
		return nil, fmt.Errorf("open outbox: %w", err)
	}
	err = dir.Mkdir(failedDir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		err = nil
	}
	if err = errors.Join(err, dir.Chmod(".", 0o700)); err != nil {
		return nil, errors.Join(fmt.Errorf("open outbox: %w", err), dir.Close())
	}
	return dir, nil
}

func (o *Outbox) folder() *os.Root {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.dir
}

// remake makes the outbox anew that someone has removed.
func (o *Outbox) remake() error {
	dir, err := openFolder(o.path)
	if err != nil {
		return err
	}
	o.mu.Lock()
	dir, o.dir = o.dir, dir
	o.mu.Unlock()
	return dir.Close()
}

// load takes in what an earlier server left.
func (o *Outbox) load() error {
	entries, err := fs.ReadDir(o.folder().FS(), ".")
	if err != nil {
		return fmt.Errorf("list outbox: %w", err)
	}
	for _, e := range entries { // in the order of their names
		switch path.Ext(e.Name()) {
		case mailSuffix:
			o.queue = append(o.queue, &item{file: e.Name(), since: writtenAt(e)})
		case newSuffix:
			l, err := o.read(e.Name())
			if err != nil {
				o.log.Error("file of the outbox can't be read; it is left alone", "file", layout.Display(e.Name()), "error", err)
				continue
			}
			l.Log = ""
			o.kept[l.Identity] = keptLetter{Letter: l, since: writtenAt(e)}
		case ".tmp": // what a crash left of a letter that was being written
			_ = o.folder().Remove(e.Name())
		}
	}
	return nil
}

func writtenAt(e fs.DirEntry) time.Time {
	if info, err := e.Info(); err == nil {
		return info.ModTime()
	}
	return time.Now()
}

func newName(id disk.Identity) string { return fmt.Sprintf("%d-%d%s", id.Inode, id.Birth, newSuffix) }

// mailName is what `ls` shows: when the job ended, which attempt it was, and as
// much of its name as is sure to fit.
func mailName(l spool.Letter, try int) string {
	const most = 120
	name := l.JobID[:min(len(l.JobID), most)]
	if try > 1 {
		name += fmt.Sprintf("-%d", try)
	}
	return fmt.Sprintf("%s-%d-%s%s", l.Ended.UTC().Format("20060102T150405.000000"), l.Attempt, name, mailSuffix)
}

// errNoLetter says that a file of the outbox is none of ours, or damaged.
var errNoLetter = errors.New("not a letter")

func (o *Outbox) read(name string) (spool.Letter, error) {
	var l spool.Letter
	data, err := layout.ReadFile(o.folder(), name, maxLetter)
	switch {
	case errors.Is(err, layout.ErrNotRegular), errors.Is(err, layout.ErrTooLarge):
		return l, fmt.Errorf("%w: %w", errNoLetter, err)
	case err != nil:
		return l, err
	}
	if err := json.Unmarshal(data, &l); err != nil {
		return l, fmt.Errorf("%w: %w", errNoLetter, err)
	}
	if l.To == "" || l.Outcome == "" {
		return l, errNoLetter
	}
	return l, nil
}

// Write keeps a letter until its job is moved; see spool.Post.
func (o *Outbox) Write(l spool.Letter) error {
	if err := checkAddress(l.To); err != nil {
		return err
	}
	l.Log = strings.Join(lastLines(l.Log), "\n")
	l.Info, l.Reason = short(l.Info, longestText), short(l.Reason, longestText)
	err := o.write(l)
	if errors.Is(err, fs.ErrNotExist) && o.remake() == nil {
		err = o.write(l)
	}
	if err != nil {
		return err
	}
	l.Log = ""
	o.mu.Lock()
	defer o.mu.Unlock()
	o.kept[l.Identity] = keptLetter{Letter: l, since: time.Now()}
	return nil
}

func (o *Outbox) write(l spool.Letter) error {
	data, err := json.MarshalIndent(l, "", "  ")
	if err != nil {
		return fmt.Errorf("encode letter: %w", err)
	}
	return disk.Replace(o.folder(), newName(l.Identity), append(data, '\n'), 0o600, disk.Durable)
}

// Moved lets the letter about a folder go out; see spool.Post.
func (o *Outbox) Moved(id disk.Identity, name string) {
	o.mu.Lock()
	l, there := o.kept[id]
	o.mu.Unlock()
	if !there {
		return
	}
	file, err := o.release(l.Letter, name)
	o.mu.Lock()
	defer o.mu.Unlock()
	switch {
	case err == nil:
		delete(o.kept, id)
		o.queue = append(o.queue, &item{file: file, since: time.Now()})
		o.stir()
	case errors.Is(err, fs.ErrNotExist):
		delete(o.kept, id)
		o.log.Warn("mail was taken out of the outbox", "job", shownName(l.Letter))
	case !l.told:
		l.told = true
		o.kept[id] = l
		o.log.Error("mail can't be readied; it is tried again", "job", shownName(l.Letter), "error", err)
	}
}

// release gives the file of a letter the name under which it is sent. It need
// not be durable: after a power cut Kept tells of it again.
func (o *Outbox) release(l spool.Letter, name string) (file string, err error) {
	old := newName(l.Identity)
	id, into := layout.ID(name), l.Into
	if name == "" {
		id, into = l.JobID, ""
	}
	if id != l.JobID || into != l.Into {
		if l, err = o.read(old); err != nil {
			return "", err
		}
		l.JobID, l.Into = id, into
		if err := o.write(l); err != nil {
			return "", err
		}
	}
	err = disk.SetAside(o.folder(), old, func(try int) string {
		file = mailName(l, try)
		return file
	})
	return file, err
}

// Kept returns the letters whose jobs are not known to be moved.
func (o *Outbox) Kept() []spool.Letter {
	o.mu.Lock()
	defer o.mu.Unlock()
	letters := make([]spool.Letter, 0, len(o.kept))
	for _, l := range o.kept {
		letters = append(letters, l.Letter)
	}
	return letters
}

// sent removes a letter that the server took. When it returns that is durable.
func (o *Outbox) sent(it *item) error {
	o.forget(it)
	probe.Step("mail: taken")
	err := o.folder().Remove(it.file)
	probe.Step("mail: removed")
	return errors.Join(err, disk.SyncDir(o.path))
}

// putAside keeps a letter that is given up.
func (o *Outbox) putAside(it *item) error {
	o.forget(it)
	_ = o.folder().Mkdir(failedDir, 0o700) // if it was removed
	base := strings.TrimSuffix(it.file, mailSuffix)
	return disk.SetAside(o.folder(), it.file, func(try int) string {
		if try > 1 {
			return fmt.Sprintf("%s/%s-%d%s", failedDir, base, try, mailSuffix)
		}
		return failedDir + "/" + it.file
	})
}

func (o *Outbox) forget(it *item) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue = slices.DeleteFunc(o.queue, func(other *item) bool { return other == it })
}
