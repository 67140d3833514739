//go:build unix

package snapshot

import (
	"os/user"
	"strconv"
	"sync"
)

var userNames sync.Map // of uid; an account that is renamed is seen at the next start

// userName returns the name of a folder's owner, or its number.
func userName(uid int) string {
	if name, ok := userNames.Load(uid); ok {
		return name.(string)
	}
	name := strconv.Itoa(uid)
	if u, err := user.LookupId(name); err == nil {
		name = u.Username
	}
	userNames.Store(uid, name)
	return name
}
