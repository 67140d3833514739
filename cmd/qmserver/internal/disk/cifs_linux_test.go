package disk

import "testing"

func TestIsCIFSWithLocks(t *testing.T) {
	const mounts = `22 1 254:1 / / rw,relatime shared:1 - ext4 /dev/vda1 rw
90 22 0:51 / /mnt/a\040b rw,relatime shared:2 master:1 - cifs //lab1/qm rw,vers=3.1.1,cache=strict,uid=0
91 22 0:52 / /mnt/b rw,relatime - cifs //lab1/qm rw,vers=3.1.1,nobrl,uid=0
92 22 0:53 / /mnt/c rw - smb3 //lab1/qm rw
torn 0:54`
	for device, want := range map[string]bool{"254:1": false, "0:51": true, "0:52": false, "0:53": true, "0:54": false, "0:5": false} {
		if got := isCIFSWithLocks(mounts, device); got != want {
			t.Errorf("%s: %v", device, got)
		}
	}
	if LocksKeepOut(t.TempDir()) {
		t.Skip("the test's folder lies on CIFS")
	}
}
