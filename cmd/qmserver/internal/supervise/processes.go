package supervise

// status is how a process ended: a code, or the signal that is not 0.
type status struct{ code, signal int }

// usage is what a job's processes have used together. What the system does
// not tell is nil.
type usage struct {
	cpuSeconds *float64
	peakBytes  *int64 // of the largest single process
}

func (u *usage) add(cpuSeconds float64, peakBytes int64) {
	if u.cpuSeconds != nil {
		cpuSeconds += *u.cpuSeconds
		peakBytes = max(peakBytes, *u.peakBytes)
	}
	u.cpuSeconds, u.peakBytes = &cpuSeconds, &peakBytes
}
