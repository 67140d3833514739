package disk

import (
	"fmt"
	"os"

	"qm/cmd/qmserver/internal/probe"
)

// Append writes data at the end of f, which was opened with O_APPEND, in one
// write, and returns when it is on disk.
func Append(f *os.File, data []byte) error {
	probe.Step("append")
	if _, err := f.Write(data); err != nil {
		return fmt.Errorf("append to file: %w", err)
	}
	probe.Step("append: written")
	if err := syncData(f); err != nil {
		return fmt.Errorf("append to file: %w", err)
	}
	probe.Step("append: synced")
	return nil
}
