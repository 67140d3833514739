package snapshot

import (
	"io/fs"
	"syscall"
)

func factsOf(info fs.FileInfo) facts {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return facts{changed: nano(info.ModTime()), uid: -1}
	}
	return facts{
		id:      identity{dev: st.Dev, ino: st.Ino},
		changed: st.Ctim.Nano(),
		uid:     int32(st.Uid),
	}
}
