package supervise

// notifier tells when it is worth to look at the job's folder.
type notifier struct {
	inotify int // descriptor of the instance
	watched int // descriptor of the watch
	events  chan struct{}
}

// C returns the channel of the events; that of no notifier never tells.
func (n *notifier) C() <-chan struct{} {
	if n == nil {
		return nil
	}
	return n.events
}
