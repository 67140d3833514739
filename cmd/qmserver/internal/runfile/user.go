package runfile

import (
	"strconv"
	"strings"

	"qm/cmd/qmserver/internal/disk"
)

// Anyones is the user of the run files of supervisors that run as the server
// itself: they are believed about all folders.
const Anyones = -1

const userMark = "-u"

// NameFor returns the name of a user's run file.
func NameFor(name string, uid int) string {
	if uid == Anyones {
		return name
	}
	return name + userMark + strconv.Itoa(uid)
}

// UserOf returns whose the run file of this name is, or Anyones.
func UserOf(name string) int {
	if i := strings.LastIndex(name, userMark); i >= 0 {
		if uid, err := strconv.ParseUint(name[i+len(userMark):], 10, 31); err == nil {
			return int(uid)
		}
	}
	return Anyones
}

// Knows tells whether the run file is believed about folders of the user.
func (r Run) Knows(uid int) bool { return r.UID == Anyones || r.UID == uid }

// Folder is a folder with the user whose run files are meant.
type Folder struct {
	disk.Identity
	UID int
}
