package folder

import (
	"errors"
	"io"
	"io/fs"

	"qm/pkg/layout"
)

// tailSize is how many bytes of a log LogTail reads at most.
const tailSize = 16 << 10

// LogTail returns the last bytes of the job's log, as they are: the job's own,
// so of any kind. It is empty without a log, and where something else has its
// name.
func LogTail(r Ref) (string, error) {
	dir, err := Open(r)
	if err != nil {
		return "", err
	}
	defer dir.Close()
	f, info, err := layout.OpenFile(dir, layout.JobLog)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, layout.ErrNotRegular) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	defer f.Close()
	tail := io.NewSectionReader(f, max(0, info.Size()-tailSize), tailSize)
	text, err := io.ReadAll(tail)
	return string(text), err
}
