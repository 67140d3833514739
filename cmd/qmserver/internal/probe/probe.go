// Package probe marks the steps between which a crash may fall: each rename,
// sync, append and fork lies between two of them. Nothing listens in
// production; the crash tests end the process at a step.
package probe

var listener func(step string)

// Listen has each step told to f. It is for the start of a test's process.
func Listen(f func(step string)) { listener = f }

// Step says that a step has been reached.
func Step(step string) {
	if listener != nil {
		listener(step)
	}
}
