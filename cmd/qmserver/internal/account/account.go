// Package account knows the users of this machine as whom jobs run.
package account

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strconv"
	"strings"
)

// ErrUnknown says that nobody has this number.
var ErrUnknown = errors.New("no passwd entry")

// Account is what the passwd and group files say of a user.
type Account struct {
	UID, GID uint32
	Groups   []uint32
	Name     string
	Home     string
	Shell    string
}

// Find returns the account with this number, or ErrUnknown.
func Find(uid int) (*Account, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if _, unknown := errors.AsType[user.UnknownUserIdError](err); unknown {
		return nil, fmt.Errorf("uid %d: %w", uid, ErrUnknown)
	}
	if err != nil {
		return nil, fmt.Errorf("look up uid %d: %w", uid, err)
	}
	ids, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("look up groups of %s: %w", u.Username, err)
	}
	gids, err := numbers(append([]string{u.Gid}, ids...))
	if err != nil {
		return nil, fmt.Errorf("look up groups of %s: %w", u.Username, err)
	}
	return &Account{
		UID: uint32(uid), GID: gids[0], Groups: gids[1:],
		Name: u.Username, Home: u.HomeDir, Shell: shellOf(u.Username),
	}, nil
}

func numbers(words []string) ([]uint32, error) {
	var all []uint32
	for _, w := range words {
		n, err := strconv.ParseUint(w, 10, 32)
		if err != nil {
			return nil, err
		}
		all = append(all, uint32(n))
	}
	return all, nil
}

// shellOf reads passwd(5), which os/user does not read to its last field.
func shellOf(name string) string {
	const usual = "/bin/sh"
	f, err := os.Open("/etc/passwd")
	if err != nil {
		return usual
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		fields := strings.Split(lines.Text(), ":")
		if len(fields) == 7 && fields[0] == name && fields[6] != "" {
			return fields[6]
		}
	}
	return usual
}

// Environ returns the environment of the account's processes, made from
// nothing but what every program needs.
func (a *Account) Environ(path string) []string {
	env := []string{
		"PATH=" + path, "HOME=" + a.Home, "USER=" + a.Name, "LOGNAME=" + a.Name, "SHELL=" + a.Shell,
	}
	for _, name := range [...]string{"LANG", "TZ", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			env = append(env, name+"="+value)
		}
	}
	return env
}
