package layout

import (
	"os"

	"golang.org/x/sys/windows"
)

// FolderOwner returns the name of the account that owns an open folder, or its
// SID if it has no name here, or "" if that can't be told.
func FolderOwner(dir *os.Root) string {
	f, err := dir.Open(".")
	if err != nil {
		return ""
	}
	defer f.Close()
	security, err := windows.GetSecurityInfo(windows.Handle(f.Fd()), windows.SE_FILE_OBJECT, windows.OWNER_SECURITY_INFORMATION)
	if err != nil {
		return ""
	}
	sid, _, err := security.Owner()
	if err != nil || sid == nil {
		return ""
	}
	if account, _, _, err := sid.LookupAccount(""); err == nil && account != "" {
		return account
	}
	return sid.String()
}
