package layout

import (
	"os"
	"os/user"
	"strings"
	"testing"
)

func TestFolderOwner(t *testing.T) {
	dir, err := os.OpenRoot(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	me, err := user.Current()
	if err != nil {
		t.Skip(err)
	}
	_, name, _ := strings.Cut(me.Username, `\`)
	// What an administrator makes belongs to all of them, perhaps.
	if got := FolderOwner(dir); got != name && got != "Administrators" {
		t.Errorf("%q, and I am %q", got, me.Username)
	}
}
