package launch

import "time"

// contact is how it goes with the questions to Slurm: when the next one is due,
// and since when there is no answer.
type contact struct {
	every  time.Duration
	tried  time.Time // when it was last asked
	heard  time.Time // when it last answered
	failed int       // questions without an answer since then
	news   bool      // there is something that Slurm will have heard of
}

const (
	// hurry is how much sooner than else it is asked again when there are news,
	// and backOff how many times later while it does not answer.
	hurry   = 10
	backOff = 6
)

// lost tells whether Slurm has not answered the last time.
func (c *contact) lost() bool { return c.failed > 0 }

// next is when it is to be asked again.
func (c *contact) next() time.Time {
	if c.tried.IsZero() {
		return c.tried
	}
	pause := c.every
	switch {
	case c.lost():
		pause *= time.Duration(min(1<<min(c.failed-1, 10), backOff))
	case c.news:
		pause /= hurry
	}
	return c.tried.Add(pause)
}

// answered notes whether there was an answer to a question of then, and tells
// whether that is another thing than before.
func (c *contact) answered(then time.Time, answer bool) (changed bool) {
	before := c.lost()
	c.tried, c.news = time.Now(), false
	if answer {
		c.heard, c.failed = then, 0
	} else {
		c.failed++
	}
	return before != c.lost()
}
