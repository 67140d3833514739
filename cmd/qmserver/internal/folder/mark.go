package folder

import (
	"encoding/binary"
	"hash/fnv"
	"io/fs"
	"os"

	"qm/cmd/qmserver/internal/disk"
)

// Mark is what a glance from outside tells of a folder: another one says that
// something in it has changed, such as the info file, or that HOLD came.
type Mark struct {
	Top  int64  `json:"top"`  // when the folder itself was changed, in ns; a rename of it counts
	Info uint64 `json:"info"` // of its info file's status; 0 without one
}

// MarkIn returns the mark of the job folder of this name in dir, as LookAt found
// it. It opens nothing.
func MarkIn(dir *disk.Dir, job string, jobFiles []string) (Mark, error) {
	top, err := dir.Lstat(job)
	if err != nil {
		return Mark{}, err
	}
	m := Mark{Top: top.Ctime}
	for _, name := range jobFiles {
		if f, err := dir.Lstat(job + string(os.PathSeparator) + name); err == nil {
			m.Info = sumOf(name, f.Inode, uint64(f.Size), uint64(f.Ctime))
			break
		}
	}
	return m, nil
}

func markOf(dir *os.Root, top, info fs.FileInfo) Mark {
	m := Mark{Top: disk.DetailsIn(dir, ".", top).Ctime}
	if info != nil {
		d := disk.DetailsIn(dir, info.Name(), info)
		m.Info = sumOf(info.Name(), d.Inode, uint64(info.Size()), uint64(d.Ctime))
	}
	return m
}

// infoFile returns what lies under the first of the names that is there, or nil.
func infoFile(dir *os.Root, names []string) fs.FileInfo {
	for _, name := range names {
		if info, err := dir.Lstat(name); err == nil {
			return info
		}
	}
	return nil
}

// sumOf is the same in each process.
func sumOf(name string, numbers ...uint64) uint64 {
	buf := make([]byte, 0, 128)
	buf = append(append(buf, name...), 0)
	for _, n := range numbers {
		buf = binary.NativeEndian.AppendUint64(buf, n)
	}
	h := fnv.New64a()
	_, _ = h.Write(buf)
	return h.Sum64()
}
