package supervise

// notifier tells when it is worth to look at the job's folder.
type notifier struct {
	events chan struct{}
	stop   func() error
}

// C returns the channel of the events; that of no notifier never tells.
func (n *notifier) C() <-chan struct{} {
	if n == nil {
		return nil
	}
	return n.events
}

// Close ends it.
func (n *notifier) Close() {
	if n != nil {
		_ = n.stop()
	}
}
