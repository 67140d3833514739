package page

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"qm/cmd/qmweb/internal/snapshot"
)

// Who asks a tree that does not answer is told so, and what comes too late is
// put away.
func TestWithin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{Options: Options{Store: snapshot.NewStore(t.TempDir(), nil)}, asking: make(chan struct{}, 2)}
		if got, err := within(s, func() (int, error) { return 5, nil }, nil); got != 5 || err != nil {
			t.Errorf("got %d, %v", got, err)
		}
		planted := errors.New("planted")
		if _, err := within(s, func() (int, error) { return 0, planted }, nil); !errors.Is(err, planted) {
			t.Errorf("got %v", err)
		}
		if _, err := within(s, func() (int, error) { panic("planted") }, nil); err == nil || asFailure(err).Status != http.StatusInternalServerError {
			t.Errorf("a panic: %v", err)
		}
		hold := make(chan struct{})
		var dropped atomic.Int32
		stuck := func() (int32, error) {
			<-hold
			return 7, nil
		}
		for range 2 {
			if _, err := within(s, stuck, func(n int32) { dropped.Add(n) }); asFailure(err).Title != "No answer" {
				t.Errorf("stuck: %v", err)
			}
		}
		if _, err := within(s, stuck, nil); asFailure(err).Title != "Busy" {
			t.Errorf("one too many: %v", err)
		}
		close(hold)
		synctest.Wait()
		if dropped.Load() != 14 {
			t.Errorf("%d were put away", dropped.Load())
		}
	})
}

func TestStreamsAreBounded(t *testing.T) {
	s := &site{streams: make(chan struct{}, 1)}
	var inner error
	h := s.stream(func(w http.ResponseWriter, r *http.Request) error {
		inner = s.stream(func(http.ResponseWriter, *http.Request) error { return nil })(w, r)
		return nil
	})
	if err := h(httptest.NewRecorder(), nil); err != nil || asFailure(inner).Status != http.StatusServiceUnavailable {
		t.Errorf("got %v, %v", err, inner)
	}
}
