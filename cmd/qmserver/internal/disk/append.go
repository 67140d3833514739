package disk

import (
	"errors"
	"fmt"
	"os"

	"qm/cmd/qmserver/internal/probe"
)

// Append writes data at the end of f, which was opened with O_APPEND, in one
// write, and returns when it is on disk. What a full disk took only in part is
// taken off again, so that it can be tried once more.
func Append(f *os.File, data []byte) error {
	before, err := f.Stat()
	if err != nil {
		return fmt.Errorf("append to file: %w", err)
	}
	if err := appendAll(f, data); err != nil {
		return errors.Join(fmt.Errorf("append to file: %w", err), takeOff(f, before.Size(), int64(len(data))))
	}
	return nil
}

// takeOff cuts what was written behind size, unless there is so much that
// another process must have appended too.
func takeOff(f *os.File, size, most int64) error {
	now, err := f.Stat()
	if err != nil || now.Size()-size >= most {
		return err
	}
	return f.Truncate(size)
}

func appendAll(f *os.File, data []byte) error {
	probe.Step("append")
	if _, err := f.Write(data); err != nil {
		return err
	}
	probe.Step("append: written")
	if err := syncData(f); err != nil {
		return err
	}
	probe.Step("append: synced")
	return nil
}
