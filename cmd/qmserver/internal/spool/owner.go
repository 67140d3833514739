package spool

import (
	"os/user"
	"strconv"
	"sync"
)

// owners knows the names of users. To ask for one may take long, where they
// are kept on another machine, so it is done where folders are read.
type owners struct {
	mu    sync.Mutex
	known map[int]string
}

// name returns the name of a user, or "" where there are none.
func (o *owners) name(uid int) string {
	if uid < 0 {
		return ""
	}
	o.mu.Lock()
	name, known := o.known[uid]
	o.mu.Unlock()
	if known {
		return name
	}
	name = "uid " + strconv.Itoa(uid)
	if u, err := user.LookupId(strconv.Itoa(uid)); err == nil {
		name = u.Username
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.known == nil {
		o.known = make(map[int]string)
	}
	o.known[uid] = name
	return name
}

// ownerOf names who gets to see the job as theirs: the address in its info
// file, else the folder's owner.
func ownerOf(l *look) string {
	if l.Info.EMail != "" {
		return l.Info.EMail
	}
	return l.owner
}

// interned keeps one copy of each text that many jobs have.
type interned map[string]string

func (i interned) intern(text string) string {
	if kept, there := i[text]; there {
		return kept
	}
	i[text] = text
	return text
}
