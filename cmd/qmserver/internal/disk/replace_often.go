package disk

import (
	"io/fs"
	"os"
)

// Rewrite replaces a file that is replaced again and again, and need not outlive
// a power cut, as Replace does, but where the system can, cheaper: what was
// replaced the last time is kept at the temporary name, is written over, and the
// two change places. So nothing is made and nothing freed, and ext4 has no reason
// to bring the new content to the disk at once (auto_da_alloc in ext4(5)). Who has
// the file open that the last call replaced reads it while it is written over: so
// it is for files that are replaced at times only.
func Rewrite(dir *os.Root, name string, data []byte, perm fs.FileMode) error {
	if rewrite(dir, name, data, perm) == nil {
		return nil
	}
	return Replace(dir, name, data, perm, Volatile)
}
