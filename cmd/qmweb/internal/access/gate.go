package access

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/bcrypt"
)

// Answer is what a Gate says to a name and a password.
type Answer int

// The answers.
const (
	Refused Answer = iota
	Granted
	Busy // too many are being looked at
)

const (
	lookEvery  = 2 * time.Second // at the file, whether it changed
	maxKept    = 1000            // log-ins that are known to be right
	maxWaiting = 32              // log-ins that wait to be looked at
)

// Gate lets users in. All methods may be called concurrently.
type Gate struct {
	path string
	only string // the one user who may; empty: all of the file
	log  *slog.Logger
	key  [32]byte // of what is kept

	waiting chan struct{} // one element for each log-in that waits or is looked at
	hashing chan struct{} // one element for each that is looked at

	mu     sync.Mutex
	users  map[string][]byte
	nobody []byte // a hash for those who are unknown: they have to wait as long
	kept   map[[32]byte]bool
	seen   os.FileInfo
	bad    bool // the file as it is now can't be used
	looked time.Time
}

// Open reads a password file. Where only is not empty just this user may log
// in, and has to be in the file.
func Open(path, only string, log *slog.Logger) (*Gate, error) {
	g := &Gate{
		path: path, only: only, log: log, looked: time.Now(),
		waiting: make(chan struct{}, maxWaiting), hashing: make(chan struct{}, max(runtime.NumCPU()/2, 1)),
	}
	_, _ = rand.Read(g.key[:]) // it never fails
	users, info, err := readUsers(path)
	if err != nil {
		return nil, err
	}
	if _, there := users[only]; only != "" && !there {
		return nil, fmt.Errorf("%s: the user %s that User names is not there; add the line that qmweb -password prints", path, only)
	}
	return g, g.take(users, info)
}

// take makes these the users.
func (g *Gate) take(users map[string][]byte, info os.FileInfo) error {
	most := bcrypt.MinCost
	for _, hash := range users {
		if n, err := bcrypt.Cost(hash); err == nil {
			most = max(most, n)
		}
	}
	nobody, err := bcrypt.GenerateFromPassword(g.key[:], most)
	if err != nil {
		return fmt.Errorf("hash password: %w", err)
	}
	g.users, g.seen, g.nobody, g.kept = users, info, nobody, make(map[[32]byte]bool)
	return nil
}

// Exposed tells that others may read the hashes.
func (g *Gate) Exposed() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return runtime.GOOS != "windows" && g.seen.Mode().Perm()&0o044 != 0
}

// Ask tells whether this is a user's password. A wrong one takes as long as an
// unknown name.
func (g *Gate) Ask(name, password string) Answer {
	token := g.token(name, password)
	hash, known := g.look(name, token)
	if known {
		return Granted
	}
	select {
	case g.waiting <- struct{}{}:
		defer func() { <-g.waiting }()
	default:
		return Busy
	}
	g.hashing <- struct{}{}
	right := len(password) <= maxPassword && bcrypt.CompareHashAndPassword(hash, []byte(password)) == nil
	<-g.hashing
	if !right || g.only != "" && subtle.ConstantTimeCompare([]byte(name), []byte(g.only)) == 0 {
		return Refused
	}
	return g.keep(name, hash, token)
}

// token stands for a name and a password without telling them.
func (g *Gate) token(name, password string) (t [32]byte) {
	mac := hmac.New(sha256.New, g.key[:])
	fmt.Fprintf(mac, "%d:%s:%s", len(name), name, password)
	mac.Sum(t[:0])
	return t
}

// look returns the hash to compare with, or that the log-in is known.
func (g *Gate) look(name string, token [32]byte) (hash []byte, known bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if time.Since(g.looked) > lookEvery {
		g.looked = time.Now()
		g.reload()
	}
	if g.kept[token] {
		return nil, true
	}
	if hash, there := g.users[name]; there {
		return hash, false
	}
	return g.nobody, false
}

// keep remembers a log-in, unless the file changed meanwhile.
func (g *Gate) keep(name string, hash []byte, token [32]byte) Answer {
	g.mu.Lock()
	defer g.mu.Unlock()
	if string(g.users[name]) != string(hash) {
		return Refused
	}
	if len(g.kept) >= maxKept {
		clear(g.kept)
	}
	g.kept[token] = true
	return Granted
}

// reload reads the file again if it changed. One that is not in order is told
// of once and changes nothing.
func (g *Gate) reload() {
	info, err := os.Stat(g.path)
	if !g.bad && err == nil && os.SameFile(info, g.seen) && info.ModTime().Equal(g.seen.ModTime()) && info.Size() == g.seen.Size() {
		return
	}
	users, info, err := readUsers(g.path)
	if err == nil {
		err = g.take(users, info)
	}
	if err == nil {
		g.log.Info("password file read again", "users", len(users))
	} else if !g.bad {
		g.log.Error("password file can't be used; the users of before hold", "error", err)
	}
	g.bad = err != nil
}
