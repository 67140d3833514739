package jobinfo

import "testing"

func TestNearest(t *testing.T) {
	known := []string{"settle_time", "stop_grace", "QM_FOLDER", "GPUs"}
	for name, want := range map[string]string{
		"settle_tme": "settle_time", "SETTLETIME": "settle_time", "qm_folders": "QM_FOLDER",
		"gpu": "GPUs", "xyzzy": "", "": "", "time": "",
	} {
		if got := Nearest(name, known); got != want {
			t.Errorf("Nearest(%q) = %q, want %q", name, got, want)
		}
	}
}
