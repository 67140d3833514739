package launch

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"sync"
	"time"

	"qm/cmd/qmserver/internal/account"
)

// Accounts says that each job runs as the owner of its folder, with an
// environment made from nothing.
type Accounts struct {
	Path string // PATH of the jobs

	mu    sync.Mutex
	known map[int]known
}

// known is what was found of a user, and when.
type known struct {
	account *account.Account
	at      time.Time
}

// fresh is how long what was found is taken for true: a user may get another
// group.
const fresh = time.Minute

// lookUp finds out about a user. That may take as long as another machine likes
// that keeps the users, so it is not for the goroutine that all wait for. What
// was known counts when that machine does not tell.
func (a *Accounts) lookUp(uid int) error {
	before, there := a.get(uid)
	if there && time.Since(before.at) < fresh {
		return nil
	}
	acc, err := account.Find(uid)
	if err != nil && there && !errors.Is(err, account.ErrUnknown) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil {
		delete(a.known, uid)
		return err
	}
	if a.known == nil {
		a.known = make(map[int]known)
	}
	a.known[uid] = known{acc, time.Now()}
	return nil
}

func (a *Accounts) get(uid int) (known, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	k, there := a.known[uid]
	return k, there
}

// of returns what lookUp has found of a user.
func (a *Accounts) of(uid int) (*account.Account, error) {
	k, there := a.get(uid)
	if !there {
		return nil, fmt.Errorf("uid %d was not looked up yet", uid)
	}
	return k.account, nil
}

// userName is this process's user.
func userName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
