package slurm

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"qm/cmd/qmserver/internal/disk"
	"qm/cmd/qmserver/internal/probe"
	"qm/pkg/layout"
)

// What lies in .qm/TOKEN of a job's folder, whose run bears the token. All of it
// is the owner's of the folder to change: it is believed about this run only.
//
//	submit    what the server was about to ask sbatch for
//	claim     who has begun the run, made by link(2): at most one does
//	status    how it ended
//	refused   that somebody else would have begun it once more
const (
	orderFile   = "submit"
	claimFile   = "claim"
	statusFile  = "status"
	refusedFile = "refused"
)

// maxOrder bounds how many bytes of an order are read: an info file has 1 MiB at
// most, which stands there as JSON. maxWord bounds the others.
const (
	maxOrder = 8 << 20
	maxWord  = 4 << 10
)

const tokenPrefix = "slurm-"

// NewToken names a run of a job of the tree at that path.
func NewToken(tree string) string {
	random := make([]byte, 8)
	_, _ = rand.Read(random) // it never fails
	return ofTree(tree) + hex.EncodeToString(random)
}

// IsOf tells whether a token names a run of the tree at that path.
func IsOf(tree, token string) bool { return strings.HasPrefix(token, ofTree(tree)) }

func ofTree(tree string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(tree))
	return fmt.Sprintf("%s%08x-", tokenPrefix, h.Sum32())
}

func file(token, name string) string { return layout.Own + "/" + token + "/" + name }

// Prepare makes the folder of a run and leaves the order in it; without that, the
// run can only be withdrawn. Those of earlier runs go: what still waits somewhere
// to begin one of them can't any more.
func Prepare(job *os.Root, token string, order []byte) error {
	if err := sweep(job, token); err != nil {
		return err
	}
	err := job.MkdirAll(path.Dir(file(token, orderFile)), 0o755)
	if err != nil {
		return fmt.Errorf("prepare run: %w", err)
	}
	probe.Step("slurm: folder made")
	if err := disk.Replace(job, file(token, orderFile), order, 0o600, disk.Volatile); err != nil {
		return fmt.Errorf("prepare run: %w", err)
	}
	return nil
}

// sweep removes the folders of other runs than this one.
func sweep(job *os.Root, token string) error {
	own, err := job.Open(layout.Own)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer own.Close()
	names, err := own.Readdirnames(-1)
	for _, name := range names {
		if strings.HasPrefix(name, tokenPrefix) && name != token {
			err = errors.Join(err, Remove(job, name))
		}
	}
	return err
}

// Remove removes the folder of a run. From then on nobody begins it.
func Remove(job *os.Root, token string) error {
	return job.RemoveAll(layout.Own + "/" + token)
}

// Order returns the order of a run, and when it was left by the clock of the file
// system, in ns.
func Order(job *os.Root, token string) ([]byte, int64, error) {
	info, err := job.Lstat(file(token, orderFile))
	if err != nil {
		return nil, 0, err
	}
	data, err := layout.ReadFile(job, file(token, orderFile), maxOrder)
	return data, disk.DetailsOf(info).Ctime, err
}

// Left is what was found of a run in its job's folder.
type Left struct {
	Claim   *Claim  // nil: nobody has begun it
	Status  *Status // nil: it has not ended
	Refused *Claim  // who would have begun it once more; nil: nobody
}

// Claim is who began a run, and when.
type Claim struct {
	Job  string // id of the Slurm job; empty: the server itself, so that nobody does
	Node string
	At   time.Time
}

// Withdrawn tells whether the server has seen to it that nobody begins the run.
func (c *Claim) Withdrawn() bool { return c != nil && c.Job == "" }

// Status is how the command of a run ended.
type Status struct {
	Code   int
	Signal int    // that it was killed by; 0: none, Code counts
	Told   string // the last signal that the batch script itself was sent, such as TERM
	At     time.Time
	CPU    *float64 // seconds; nil: not known
}

// Read returns what is there by now. The folder is listed, not only looked into:
// a network file system may remember that something was not there.
func Read(job *os.Root, token string) (Left, error) {
	var left Left
	d, err := job.Open(layout.Own + "/" + token)
	if errors.Is(err, fs.ErrNotExist) {
		return left, nil
	}
	if err != nil {
		return left, err
	}
	defer d.Close()
	names, err := d.Readdirnames(-1)
	for _, name := range names {
		if name != claimFile && name != statusFile && name != refusedFile {
			continue
		}
		data, err := layout.ReadFile(job, file(token, name), maxWord)
		if err != nil {
			return left, err
		}
		words := parse(data)
		switch name {
		case claimFile:
			left.Claim = words.claim()
		case statusFile:
			left.Status = words.status()
		case refusedFile:
			left.Refused = words.claim()
		}
	}
	return left, err
}

// words are what stands in a file as name=value, parted by blanks.
type words map[string]string

func parse(data []byte) words {
	w := make(words)
	for field := range strings.FieldsSeq(string(data)) {
		if name, value, found := strings.Cut(field, "="); found {
			w[name] = value
		}
	}
	return w
}

func (w words) claim() *Claim { return &Claim{Job: w["job"], Node: w["node"], At: w.at()} }

// status returns nil for what no wrapper has written.
func (w words) status() *Status {
	code, err := strconv.ParseUint(w["exit"], 10, 8)
	signal, err2 := strconv.ParseUint(w["signal"], 10, 7)
	if err != nil && (err2 != nil || signal == 0) {
		return nil
	}
	return &Status{Code: int(code), Signal: int(signal), Told: w["told"], At: w.at(), CPU: cpuSeconds(w["cpu"])}
}

// at is a time in seconds, with its fraction where date(1) tells that.
func (w words) at() time.Time {
	whole, fraction, _ := strings.Cut(w["at"], ".")
	seconds, err := strconv.ParseInt(whole, 10, 64)
	if err != nil || seconds < 0 || seconds > math.MaxInt32*4 {
		return time.Time{}
	}
	nanoseconds, _ := strconv.ParseFloat("0."+fraction, 64)
	return time.Unix(seconds, int64(nanoseconds*1e9))
}

// cpuSeconds reads the second line of times(1): user and system time of what a
// script has waited for, such as 0m1.5s,0m0.2s.
func cpuSeconds(text string) *float64 {
	user, system, found := strings.Cut(text, ",")
	sum := 0.0
	for _, part := range []string{user, system} {
		m, s, ok := strings.Cut(strings.TrimSuffix(part, "s"), "m")
		minutes, err := strconv.ParseFloat(m, 64)
		seconds, err2 := strconv.ParseFloat(strings.Replace(s, ",", ".", 1), 64)
		if !found || !ok || err != nil || err2 != nil {
			return nil
		}
		sum += 60*minutes + seconds
	}
	return &sum
}

// Withdraw sees to it that nobody begins the run, and tells whether nobody has.
func Withdraw(job *os.Root, token string) (bool, error) {
	if err := job.MkdirAll(layout.Own+"/"+token, 0o755); err != nil {
		return false, fmt.Errorf("withdraw run: %w", err)
	}
	mine := fmt.Sprintf("withdrawn by=%d at=%d\n", os.Getpid(), time.Now().Unix())
	if err := disk.Replace(job, file(token, ".claim"), []byte(mine), 0o644, disk.Durable); err != nil {
		return false, fmt.Errorf("withdraw run: %w", err)
	}
	probe.Step("slurm: about to withdraw")
	linked := job.Link(file(token, ".claim"), file(token, claimFile))
	data, err := layout.ReadFile(job, file(token, claimFile), maxWord)
	if err != nil {
		return false, fmt.Errorf("withdraw run: %w", errors.Join(linked, err))
	}
	return parse(data).claim().Withdrawn(), nil
}
