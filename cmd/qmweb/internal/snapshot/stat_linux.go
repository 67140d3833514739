package snapshot

import (
	"io/fs"
	"syscall"
	"time"
)

func factsOf(info fs.FileInfo) facts {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return facts{changed: info.ModTime(), uid: -1}
	}
	return facts{
		id:      identity{dev: st.Dev, ino: st.Ino},
		changed: time.Unix(st.Ctim.Unix()),
		uid:     int(st.Uid),
	}
}
