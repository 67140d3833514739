package supervise

// status is how a process ended: a code, or the signal that is not 0.
type status struct{ code, signal int }

// usage is what a job's processes have used together. What the system does
// not tell is nil.
type usage struct {
	cpuSeconds *float64
	peakBytes  *int64 // of the largest single process, or of all where they are measured
}

// sample takes in what all processes were seen to have at one time.
func (u *usage) sample(bytes int64) {
	if u.peakBytes == nil {
		u.peakBytes = new(int64)
	}
	*u.peakBytes = max(*u.peakBytes, bytes)
}
