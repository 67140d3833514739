package snapshot

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"qm/pkg/layout"
)

// Jobs move while they are read, on and back. Each must be met exactly once.
func TestMovingFolders(t *testing.T) {
	tree := newTree(t)
	const jobs = 12
	way := []layout.State{layout.Queued, layout.Running, layout.Done, layout.Queued, layout.Lost}
	for i := range jobs {
		tree.job(layout.Queued, fmt.Sprintf("job%02d", i))
	}
	store := tree.store()
	moves := make(chan int, 2) // so that one or two moves fall into each reading
	var mover sync.WaitGroup
	mover.Go(func() {
		for i := range moves {
			step, name := i/jobs, fmt.Sprintf("job%02d", i%jobs)
			tree.move(way[step%len(way)].Folder()+"/"+name, way[(step+1)%len(way)].Folder()+"/"+name)
		}
	})
	for i := range 300 {
		moves <- i
		seen := make(map[string]bool)
		snap := store.Get()
		for _, st := range layout.States {
			for _, j := range listed(snap, st) {
				if seen[j.Name] {
					t.Errorf("after %d moves %s is there twice", i, j.Name)
				}
				seen[j.Name] = true
			}
		}
		if len(seen) != jobs {
			t.Errorf("after %d moves %d jobs are there, want %d", i, len(seen), jobs)
		}
	}
	close(moves)
	mover.Wait()
}

func total(s *Snapshot) int {
	return s.Total()
}

// A job that moved on between the listings of two folders is met twice, and
// shown once: where it was met last.
func TestMetTwice(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Queued, "a")
	s := newScanner(tree.path, testNames)
	s.scan(time.Now())
	tree.move(path, "QM_Jobs/a")
	// The queue was listed before: it still holds the entry.
	root, err := os.OpenRoot(tree.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	came, _ := s.folders[layout.Running].list(root, time.Now())
	s.take(root, came, make(absentees))
	if n := len(s.folders[layout.Queued].entries); n != 0 {
		t.Errorf("%d entries are left in the queue", n)
	}
	if snap := s.scan(time.Now()); snap.Count(layout.Queued) != 0 || snap.Count(layout.Running) != 1 {
		t.Errorf("queued %q, running %q", names(listed(snap, layout.Queued)), names(listed(snap, layout.Running)))
	}
}

// Where an identity is not unique both folders are shown.
func TestSameIdentity(t *testing.T) {
	tree := newTree(t)
	tree.job(layout.Done, "a")
	s := newScanner(tree.path, testNames)
	s.scan(time.Now())
	root, err := os.OpenRoot(tree.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	tree.job(layout.Queued, "a")
	came, _ := s.folders[layout.Queued].list(root, time.Now())
	came[0].id = s.folders[layout.Done].entries["a"].id // as on Windows
	s.take(root, came, make(absentees))
	if n := len(s.folders[layout.Done].entries); n != 1 {
		t.Errorf("%d jobs are done", n)
	}
}

// An info file that is edited while its job waits is seen, wherever in the queue
// that is.
func TestEditedInfo(t *testing.T) {
	tree := newTree(t)
	for i := range lookMostInfos + 10 {
		tree.job(layout.Queued, fmt.Sprint("job", i))
	}
	s := newScanner(tree.path, testNames)
	now := time.Now().Add(time.Hour) // so that all look settled
	scan := func() *Snapshot {
		now = now.Add(time.Second)
		return s.scan(now)
	}
	for scan().Unread > 0 {
		continue
	}
	for range 4 { // two rounds
		scan()
	}
	for _, name := range []string{"job0", fmt.Sprint("job", lookMostInfos+9)} {
		tree.write("QM_qJobs/"+name+"/proc_config.cfg", "[QMOptions]\nscript : edited\n")
		last := s.last
		for range 3 {
			last = scan()
		}
		if j := last.Find(layout.Queued, name); j.Script != "edited" {
			t.Errorf("%s: the script is %q", name, j.Script)
		}
	}
}

// A job that is dragged back is moved against the order of reading.
func TestMovedBack(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Done, "a")
	s := newScanner(tree.path, testNames)
	s.scan(time.Now())
	root, err := os.OpenRoot(tree.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	s.folders[layout.Queued].list(root, time.Now())
	tree.move(path, "QM_qJobs/a")
	if snap := s.scan(time.Now()); snap.Count(layout.Queued) != 1 || snap.Count(layout.Done) != 0 {
		t.Errorf("queued %q, done %q", names(listed(snap, layout.Queued)), names(listed(snap, layout.Done)))
	}
}

// Another folder that takes the name of a known one is another job.
func TestReplaced(t *testing.T) {
	tree := newTree(t)
	path := tree.job(layout.Done, "a")
	store := tree.store()
	store.Get()
	tree.move(path, "elsewhere")
	tree.write(path+"/proc_config.cfg", "[QMOptions]\nscript : other\n")
	if got := listed(store.Get(), layout.Done)[0].Script; got != "other" {
		t.Errorf("the script is %q, that of the folder that was there before", got)
	}
}

// A change within the same tick of the file system's clock as an earlier
// listing is seen: the folder's stamp does not show it.
func TestListedWithinATick(t *testing.T) {
	tree := newTree(t)
	root, err := os.OpenRoot(tree.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	now := time.Now()
	f := deaf(newScanner(tree.path, testNames)).folders[layout.Queued]
	f.list(root, now)
	f.list(root, now.Add(tick/2))
	tree.job(layout.Queued, "a")
	info, err := os.Lstat(filepath.Join(tree.path, layout.Queued.Folder()))
	if err != nil {
		t.Fatal(err)
	}
	f.stamp = stampOf(info)
	if came, _ := f.list(root, now.Add(tick)); len(came) != 1 {
		t.Error("the job is not seen")
	}
}

// Of many jobs not each is looked at in each scan; but one that is missing may
// have taken the place of another.
func TestMovedAmongMany(t *testing.T) {
	tree := newTree(t)
	for i := range manyJobs {
		tree.mkdir(fmt.Sprint("QM_dJobs/job", i))
	}
	old, path := tree.job(layout.Done, "a"), tree.job(layout.Running, "a")
	tree.write(path+"/proc_config.cfg", "[QMOptions]\nscript : other\n")
	s := newScanner(tree.path, testNames)
	now := time.Now().Add(time.Hour) // so that all look settled
	s.scan(now)
	tree.move(old, "elsewhere")
	tree.move(path, old)
	snap := s.scan(now.Add(time.Second))
	if j := snap.Find(layout.Done, "a"); snap.Count(layout.Running) != 0 || j == nil || j.Script != "other" {
		t.Errorf("running %q, done %+v", names(listed(snap, layout.Running)), j)
	}
}

// Another tree in the place of the first is another tree: its old heartbeat
// differs, but did not change.
func TestAnotherTree(t *testing.T) {
	tree, other := newTree(t), newTree(t)
	tree.job(layout.Done, "a")
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1})
	other.job(layout.Done, "b")
	other.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 2})
	if err := os.Chtimes(other.path+"/"+layout.HeartbeatFile, time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	store := tree.store()
	if !store.Get().Server.Alive {
		t.Fatal("a fresh heartbeat, and the server is not alive")
	}
	if err := errors.Join(os.Rename(tree.path, tree.path+".old"), os.Rename(other.path, tree.path)); err != nil {
		t.Fatal(err)
	}
	if snap := store.Get(); snap.Server.Alive || !slices.Equal(names(listed(snap, layout.Done)), []string{"b"}) {
		t.Errorf("alive: %v, done: %q", snap.Server.Alive, names(listed(snap, layout.Done)))
	}
}

func TestQueueOrder(t *testing.T) {
	tree := newTree(t)
	for _, name := range []string{"second", "first", "arriving", "unknown"} {
		tree.job(layout.Queued, name)
	}
	tree.writeJSON(layout.QueueFile, layout.Queue{Jobs: []layout.QueueJob{
		{ID: "first", Position: 1, Reason: "waits for room"},
		{ID: "second", Position: 2, Reason: "behind first"},
		{ID: "gone", Position: 3},
		{ID: "arriving", Arriving: true, Reason: "still being copied"},
	}})
	store := tree.store()
	got := listed(store.Get(), layout.Queued)
	if want := []string{"first", "second", "unknown", "arriving"}; !slices.Equal(names(got), want) {
		t.Errorf("got %q, want %q", names(got), want)
	}
	// What the server said before it ended is not why they wait now.
	if got[0].Reason != reasonNoServer || got[2].Reason != reasonNoServer || got[2].Position != 0 {
		t.Errorf("got reasons %q, %q", got[0].Reason, got[2].Reason)
	}
	if c := store.Get().Counts(); c != (Counts{Queued: 3, Arriving: 1}) {
		t.Errorf("got counts %+v", c)
	}
}

// placed are queued jobs as a living server's queue file places them.
func placed(q *layout.Queue, jobs ...*Job) []*Job {
	var out []*Job
	for _, p := range inLine(New(time.Now(), jobs...).lists[layout.Queued], q, true) {
		out = append(out, p.job())
	}
	return out
}

func TestQueueReasons(t *testing.T) {
	q := layout.Queue{Jobs: []layout.QueueJob{{ID: "told", Position: 1, Reason: "waits for room"}}}
	got := placed(&q, &Job{Name: "new"}, &Job{Name: "told"})
	if got[0].Reason != "waits for room" || got[1].Reason != reasonSeen || !got[1].Arriving {
		t.Errorf("got %+v, %+v", got[0], got[1])
	}
}

func TestBehindThousand(t *testing.T) {
	q := layout.Queue{Jobs: make([]layout.QueueJob, layout.MaxQueueJobs)}
	got := placed(&q, &Job{Name: "late"})[0]
	if got.Reason != reasonBehind || got.Position != 0 || got.Arriving {
		t.Errorf("got %+v", got)
	}
}

func TestNotes(t *testing.T) {
	tree := newTree(t)
	tree.write("QM_qJobs/readme.txt", "")
	for _, silent := range []string{"PAUSE", "pause.txt", ".hidden", "~backup", "up.part"} {
		tree.write("QM_qJobs/"+silent, "")
	}
	tree.mkdir("QM_qJobs/upload.filepart")
	tree.mkdir("QM_dJobs/@eaDir")
	if err := os.Remove(tree.path + "/QM_Jobs"); err != nil {
		t.Fatal(err)
	}
	tree.write("QM_Jobs", "")
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{})
	tree.writeJSON(layout.QueueFile, layout.Queue{Notes: []layout.Note{{Folder: "QM_qJobs", ID: "readme.txt", Text: "told by the server"}}})
	snap := tree.store().Get()
	if len(snap.Notes) != 2 || snap.Notes[0].Folder != "QM_Jobs" || snap.Notes[1].Text != "told by the server" {
		t.Errorf("got %+v", snap.Notes)
	}
	if total(snap) != 0 {
		t.Errorf("got %d jobs", total(snap))
	}
}

func TestHeartbeat(t *testing.T) {
	tree := newTree(t)
	var w watch
	root, err := os.OpenRoot(tree.path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	now := time.Now()
	look := func() Server {
		s, _ := w.look(root, now)
		return s
	}
	if s := look(); s.Alive || s.Known || s.Problem == "" {
		t.Errorf("without a heartbeat: %+v", s)
	}
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 1})
	if s := look(); !s.Alive || s.AsOf.IsZero() {
		t.Errorf("a fresh file that nobody saw change: %+v", s)
	}
	now = now.Add(10 * time.Second)
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 2})
	// From now on the file's time does not count, however wrong it is.
	if err := os.Chtimes(tree.path+"/"+layout.HeartbeatFile, time.Time{}, now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := look(); !s.Alive || !s.AsOf.IsZero() {
		t.Errorf("it changed: %+v", s)
	}
	now = now.Add(layout.AliveFor - time.Millisecond)
	if s := look(); !s.Alive {
		t.Errorf("it changed just before: %+v", s)
	}
	now = now.Add(time.Millisecond)
	if s := look(); s.Alive {
		t.Errorf("it did not change for so long: %+v", s)
	}
	now = now.Add(time.Hour) // nobody asked; meanwhile it changed, a day ago by the file's time
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 3})
	if err := os.Chtimes(tree.path+"/"+layout.HeartbeatFile, time.Time{}, now.Add(-24*time.Hour)); err != nil {
		t.Fatal(err)
	}
	if s := look(); s.Alive || s.AsOf.IsZero() {
		t.Errorf("it changed sometime in an hour: %+v", s)
	}
	now = now.Add(time.Second)
	tree.writeJSON(layout.HeartbeatFile, layout.Heartbeat{PID: 3, Stopped: true})
	if s := look(); s.Alive {
		t.Errorf("it says that it stopped: %+v", s)
	}
	tree.write(layout.HeartbeatFile, "{")
	if s := look(); s.Alive || !strings.Contains(s.Problem, "damaged") {
		t.Errorf("a torn file: %+v", s)
	}
}

// Many requests at once cost one look at the disk, and old jobs none.
func TestSharedScan(t *testing.T) {
	tree := newTree(t)
	for i := range 50 {
		tree.job(layout.Done, fmt.Sprint("job", i))
	}
	store := NewStore(tree.path, testNames)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if n := store.Get().Count(layout.Done); n != 50 {
				t.Errorf("got %d jobs", n)
			}
		})
	}
	all.Wait()
	s := newScanner(tree.path, testNames)
	now := time.Now().Add(time.Hour) // so that all look settled
	s.scan(now)
	before := s.folders[layout.Done].entries["job7"].read
	one, two := s.scan(now.Add(time.Second)), s.scan(now.Add(2*time.Second))
	first, second := one.lists[layout.Done], two.lists[layout.Done]
	if after := s.folders[layout.Done].entries["job7"].read; after != before {
		t.Error("a settled job was read again")
	}
	if &first[0] != &second[0] || one.Version != two.Version {
		t.Error("an unchanged list was made anew")
	}
}

// What a disk does not give at this moment is not gone.
func TestPassingErrors(t *testing.T) {
	for err, want := range map[error]bool{
		fs.ErrNotExist: false, fs.ErrPermission: false, layout.ErrNotFolder: false, syscall.ENOTDIR: false,
		syscall.EIO: true, syscall.ETIMEDOUT: true, io.ErrUnexpectedEOF: true,
	} {
		if got := passing(&fs.PathError{Op: "open", Path: "x", Err: err}); got != want {
			t.Errorf("%v: %v", err, got)
		}
	}
	tree := newTree(t)
	tree.job(layout.Done, "a")
	s := newScanner(tree.path, testNames)
	s.scan(time.Now())
	f := s.folders[layout.Done]
	if went := f.fail(syscall.EIO); len(went) != 0 || len(f.entries) != 1 || f.problem == "" {
		t.Errorf("%d went, problem %q", len(went), f.problem)
	}
	if snap := s.scan(time.Now()); snap.Count(layout.Done) != 1 || len(snap.Notes) != 0 {
		t.Errorf("afterwards: %d jobs, %v", snap.Count(layout.Done), snap.Notes)
	}
	if went := f.fail(fs.ErrNotExist); len(went) != 1 || len(f.entries) != 0 {
		t.Errorf("%d went", len(went))
	}
}

// However much lies there that is no job, some of it is told.
func TestManyStrayFiles(t *testing.T) {
	tree := newTree(t)
	for i := range maxStray + 50 {
		tree.write(fmt.Sprint("QM_dJobs/file", i), "")
	}
	if n := len(tree.store().Get().Notes); n != maxStray+1 {
		t.Errorf("%d notes", n)
	}
}

// A tree that does not answer must not hold up the page.
func TestGetIsPatient(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := NewStore("QM", testNames)
		store.busy, store.began = make(chan struct{}), time.Now() // a scan that never ends
		store.scan.pulse()
		old := &Snapshot{At: time.Now().Add(-time.Hour)}
		store.current.Store(old)
		began := time.Now()
		if got := store.Get(); got != old || time.Since(began) != maxWait {
			t.Errorf("after %v: %+v, want the last one after %v", time.Since(began), got, maxWait)
		}
		if began = time.Now(); store.Get() != old || time.Since(began) != 0 {
			t.Errorf("who came later waited %v", time.Since(began))
		}
		store.current.Store(nil)
		if got := store.Get(); got.Problem == "" || time.Since(began) != firstWait-maxWait {
			t.Errorf("nothing was read; after %v it is said %q", time.Since(began), got.Problem)
		}
		if !store.Silent() {
			t.Error("the tree is not silent")
		}
	})
}

func BenchmarkScanUnchanged(b *testing.B) {
	path := b.TempDir()
	for i := range 2000 {
		dir := filepath.Join(path, layout.Done.Folder(), fmt.Sprint("job", i))
		if err := os.MkdirAll(dir, 0o755); err != nil {
			b.Fatal(err)
		}
	}
	s := newScanner(path, testNames)
	now := time.Now().Add(time.Hour)
	s.scan(now)
	for b.Loop() {
		now = now.Add(time.Millisecond)
		s.scan(now)
	}
}
