package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"qm/pkg/layout"
)

// How the benchmarks of many browsers look: each as the script of the page does.
const (
	benchBrowsers = 100
	benchPause    = 2 * time.Second
	benchWatch    = 20 * time.Second
	benchSettle   = 12 * time.Second // until nothing in the tree looks new
	benchRest     = 35 * time.Second // until memory was given back
)

// BenchmarkBrowsers prints what 100 browsers cost that look at the status page
// of a tree in which nothing changes, and of one in which a job gets on each
// second.
func BenchmarkBrowsers(b *testing.B) {
	binary := buildWeb(b)
	for _, c := range []struct {
		name string
		tick time.Duration
	}{{"unchanged", 0}, {"change-each-second", time.Second}} {
		b.Run(c.name, func(b *testing.B) {
			tree := filepath.Join(b.TempDir(), "QM")
			fillTree(b, tree, 1000, 10, 2)
			beatOn(b, tree)
			web := startWeb(b, binary, tree)
			web.readAll(b, time.Now())
			time.Sleep(benchSettle)
			if c.tick > 0 {
				each(b, c.tick, func(i int) {
					text := fmt.Sprintf("%s\nprocessing %d / 5000\n", layout.StartedLine(time.Now()), i)
					if err := os.WriteFile(filepath.Join(tree, "QM_Jobs/running1/process.log"), []byte(text), 0o644); err != nil {
						b.Error(err)
					}
				})
			}
			for b.Loop() {
				web.watchedBy(b, benchBrowsers)
			}
			web.stop(b)
		})
	}
}

// watchedBy prints what so many browsers cost.
func (p *program) watchedBy(b *testing.B, n int) {
	crowd, took := p.lookedAtBy(b, n)
	b.ReportMetric(crowd.burnt, "ms-cpu/min")
	b.ReportMetric(float64(crowd.bytes.Load())/1000/took.Minutes(), "kB/min")
	b.ReportMetric(100*float64(crowd.same.Load())/float64(crowd.asked.Load()), "%-answered-304")
	b.ReportMetric(p.pss(b)/1e6, "MB-pss")
}

// lookedAtBy lets so many browsers look, each two seconds apart.
func (p *program) lookedAtBy(b *testing.B, n int) (*crowdOf, time.Duration) {
	crowd := &crowdOf{program: p, end: time.Now().Add(2*benchPause + benchWatch)}
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { crowd.look(b, benchPause*time.Duration(i)/time.Duration(n)) })
	}
	time.Sleep(2 * benchPause) // until each of them has the page
	crowd.counts.Store(true)
	before, began := p.burnt(b), time.Now()
	all.Wait()
	took := time.Since(began)
	crowd.burnt = float64((p.burnt(b) - before).Microseconds()) / 1000 / took.Minutes()
	return crowd, took
}

// crowdOf are browsers that look again and again.
type crowdOf struct {
	program            *program
	end                time.Time
	burnt              float64 // processor time of the program, ms a minute
	counts             atomic.Bool
	bytes, asked, same atomic.Int64
}

// look is one of them: after a first moment it asks, each time with the tag of
// what it has.
func (c *crowdOf) look(b *testing.B, first time.Duration) {
	transport := &http.Transport{DisableCompression: true}
	defer transport.CloseIdleConnections()
	client, tag := http.Client{Transport: transport}, ""
	for time.Sleep(first); time.Now().Before(c.end); time.Sleep(benchPause) {
		r, err := http.NewRequest(http.MethodGet, c.program.url+"/", nil)
		if err != nil {
			b.Error(err)
			return
		}
		r.Header.Set("QM-Live", "1")
		r.Header.Set("Accept-Encoding", "gzip")
		if tag != "" {
			r.Header.Set("If-None-Match", tag)
		}
		answer, err := client.Do(r)
		if err != nil {
			b.Error(err)
			return
		}
		n, _ := io.Copy(io.Discard, answer.Body) // what came counts
		answer.Body.Close()
		tag = answer.Header.Get("ETag")
		if !c.counts.Load() {
			continue
		}
		c.asked.Add(1)
		c.bytes.Add(n)
		if answer.StatusCode == http.StatusNotModified {
			c.same.Add(1)
		}
	}
}

// BenchmarkIdle prints what qmweb costs when nobody looks, after somebody did.
func BenchmarkIdle(b *testing.B) {
	binary := buildWeb(b)
	for _, done := range []int{0, 1000, benchDone} {
		b.Run(strconv.Itoa(done)+"-done", func(b *testing.B) {
			tree := filepath.Join(b.TempDir(), "QM")
			fillTree(b, tree, done, 0, 0)
			beatOn(b, tree)
			web := startWeb(b, binary, tree)
			web.get(b, "/")
			web.readAll(b, time.Now())
			time.Sleep(benchRest)
			for b.Loop() {
				before, began := web.burnt(b), time.Now()
				time.Sleep(benchWatch)
				b.ReportMetric(float64((web.burnt(b)-before).Microseconds())/1000/time.Since(began).Minutes(), "ms-cpu/min")
				b.ReportMetric(web.pss(b)/1e6, "MB-pss")
			}
			web.stop(b)
		})
	}
}

// each calls do again and again until the benchmark ends.
func each(b *testing.B, pause time.Duration, do func(i int)) {
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for i := 1; ; i++ {
			do(i)
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}()
	b.Cleanup(func() { close(end); <-ended })
}

// beatOn is the heartbeat of a server that lives.
func beatOn(b *testing.B, tree string) {
	b.Helper()
	if err := os.MkdirAll(filepath.Join(tree, layout.Own), 0o755); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	each(b, layout.BeatEvery, func(int) {
		data, err := json.Marshal(layout.Heartbeat{
			Host: "lab1", PID: 4711, Version: "v1.0.0", Started: began.Add(-50 * time.Hour), Beat: time.Now(), Slots: 8, SlotsUsed: 4, Launch: "non-blocking", Load1: new(3.9),
		})
		if err != nil {
			b.Error(err)
		}
		path := filepath.Join(tree, layout.HeartbeatFile)
		if err := os.WriteFile(path+"~", data, 0o644); err != nil {
			b.Error(err)
		}
		if err := os.Rename(path+"~", path); err != nil {
			b.Error(err)
		}
	})
}

// burnt returns the processor time that its threads have used, to the
// nanosecond.
func (p *program) burnt(b *testing.B) (all time.Duration) {
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.Process.Pid))
	if err != nil || len(threads) == 0 {
		b.Fatal("no threads: ", err)
	}
	for _, path := range threads {
		data, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		first, _, _ := strings.Cut(string(data), " ")
		ns, err := strconv.ParseInt(first, 10, 64)
		if err != nil {
			b.Fatal(err)
		}
		all += time.Duration(ns)
	}
	return all
}

// pss returns the memory that is its own, and its share of what it has in common
// with others, in bytes.
func (p *program) pss(b *testing.B) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`Pss:\s*(\d+) kB`).FindStringSubmatch(string(data))
	kb, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb * 1024
}
