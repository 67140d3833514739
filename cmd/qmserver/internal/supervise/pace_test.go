package supervise

import (
	"testing"
	"time"
)

// TestPace: a log is looked at the sooner, the sooner it may be too long.
func TestPace(t *testing.T) {
	const ms = time.Millisecond
	for _, test := range []struct {
		last        time.Duration
		grown, left int64
		want        time.Duration
	}{
		{5 * ms, 0, 1000, 10 * ms},
		{200 * ms, 0, 1000, 250 * ms},
		{100 * ms, -5, 1000, 200 * ms}, // it was cut
		{100 * ms, 1000, 2000, 100 * ms},
		{100 * ms, 1000, 1e9, 250 * ms},
		{100 * ms, 1000, 10, 5 * ms},
		{100 * ms, 1000, -10, 5 * ms},
	} {
		if got := pace(test.last, test.grown, test.left); got != test.want {
			t.Errorf("%v, grown by %d of %d: %v, want %v", test.last, test.grown, test.left, got, test.want)
		}
	}
}

func TestAmounts(t *testing.T) {
	for _, test := range []struct {
		used, limit int64
		want        string
	}{
		{43 << 30 / 10, 4 << 30, "4.3 GB of 4.0 GB"},
		{4<<30 + 1, 4 << 30, "4.1 GB of 4.0 GB"},
		{4 << 30, 4 << 30, "4.0 GB of 4.0 GB"},
		{1 << 30, 200 << 20, "1024.0 MB of 200.0 MB"},
		{3 << 10, 1 << 10, "3.0 KB of 1.0 KB"},
		{3 << 29, 3 << 29, "1.5 GB of 1.5 GB"},
	} {
		if got := amounts(test.used, test.limit); got != test.want {
			t.Errorf("%d of %d: %q, want %q", test.used, test.limit, got, test.want)
		}
	}
}
