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
		id:      identity{dev: uint64(st.Dev), ino: st.Ino},
		changed: st.Ctimespec.Nano(),
		uid:     int32(st.Uid),
	}
}
