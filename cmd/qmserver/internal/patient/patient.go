// Package patient is how tests wait: for what is to be, and not for a while.
package patient

import (
	"testing"
	"time"
)

// patience bounds each wait; it is long because the machine may be busy.
const patience = 2 * time.Minute

// Until waits for the condition. The test fails if that is in vain, and tells
// how things stand then.
func Until(t testing.TB, what string, holds func() bool, stand ...func() string) {
	t.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().Before(deadline) {
			continue
		}
		for _, tell := range stand {
			t.Log(tell())
		}
		t.Fatalf("waited in vain: %s", what)
	}
}
