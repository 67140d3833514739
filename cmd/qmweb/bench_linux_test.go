package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"qm/pkg/layout"
)

// What the benchmarks look at.
const (
	benchDone    = 100_000
	benchQueued  = 10_000
	benchRunning = 20
	benchLog     = 10 << 30 // bytes, sparse
)

// BenchmarkLargeTree prints what a large tree costs the real program: a cold
// start, then the page, the log's end, memory and what one reader costs.
func BenchmarkLargeTree(b *testing.B) {
	binary, tree := buildWeb(b), filepath.Join(b.TempDir(), "QM")
	fillTree(b, tree, benchDone, benchQueued, benchRunning)
	beatOn(b, tree)
	lineUp(b, tree)
	for b.Loop() {
		start := time.Now()
		web := startWeb(b, binary, tree)
		page := web.get(b, "/")
		b.ReportMetric(time.Since(start).Seconds(), "s-cold-start")
		counts := fmt.Sprintf(`"queued":%d,"running":%d,"done":%d`, benchQueued, benchRunning, benchDone)
		if status := web.get(b, "/api/v1/status"); !strings.Contains(status, counts) {
			b.Errorf("the first status has not %s:\n%s", counts, status)
		}
		b.ReportMetric(float64(len(page))/1000, "kB-page")
		b.ReportMetric(web.readAll(b, start).Seconds(), "s-all-read")
		time.Sleep(benchPause) // until what reading took is given back
		b.ReportMetric(web.rss(b)/1e6, "MB-resident")
		b.ReportMetric(float64(median(200, func() { web.get(b, "/") }).Microseconds())/1000, "ms-page-median")
		b.ReportMetric(float64(median(50, func() { web.get(b, "/?state=done&q="+strconv.Itoa(rand.Int())) }).Microseconds())/1000, "ms-search-median")
		b.ReportMetric(float64(median(200, func() { web.get(b, "/api/v1/jobs/QM_Jobs/running0/log?offset=-65536") }).Microseconds())/1000, "ms-log-tail-median")
		time.Sleep(benchSettle)
		crowd, _ := web.lookedAtBy(b, 1)
		b.ReportMetric(crowd.burnt, "ms-cpu/min-watched")
		stop := endJobs(b, tree)
		crowd, _ = web.lookedAtBy(b, 1)
		stop()
		b.ReportMetric(crowd.burnt, "ms-cpu/min-a-job-ends-each-second")
		web.stop(b)
	}
}

// endJobs moves a job from the queue to those that are done each second, until it
// is stopped.
func endJobs(b *testing.B, tree string) (stop func()) {
	b.Helper()
	end, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for i := 0; ; i++ {
			name := fmt.Sprint("queued", i)
			if err := os.Rename(filepath.Join(tree, "QM_qJobs", name), filepath.Join(tree, "QM_dJobs", name)); err != nil {
				b.Error(err)
			}
			select {
			case <-end:
				return
			case <-tick.C:
			}
		}
	}()
	return func() { close(end); <-ended }
}

// BenchmarkRequests prints how many times a second the status page comes at
// 1,000 done jobs, asked for by 8 browsers on the same processors.
func BenchmarkRequests(b *testing.B) {
	binary, tree := buildWeb(b), filepath.Join(b.TempDir(), "QM")
	fillTree(b, tree, 1000, 10, 2)
	web := startWeb(b, binary, tree)
	web.readAll(b, time.Now())
	var all sync.WaitGroup
	turns := make(chan struct{})
	for range 8 {
		all.Go(func() {
			for range turns {
				web.get(b, "/")
			}
		})
	}
	began, n := time.Now(), 0
	for b.Loop() {
		turns <- struct{}{}
		n++
	}
	close(turns)
	all.Wait()
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "requests/s")
	b.ReportMetric(web.rss(b)/1e6, "MB-resident")
	web.stop(b)
}

// BenchmarkMemory prints what one more done job costs in resident memory.
func BenchmarkMemory(b *testing.B) {
	binary := buildWeb(b)
	for b.Loop() {
		var rss []float64
		for _, done := range []int{1000, 31_000} {
			tree := filepath.Join(b.TempDir(), strconv.Itoa(done))
			fillTree(b, tree, done, 0, 0)
			web := startWeb(b, binary, tree)
			web.readAll(b, time.Now())
			time.Sleep(benchPause) // until what reading took is given back
			rss = append(rss, web.rss(b))
			web.stop(b)
		}
		b.ReportMetric((rss[1]-rss[0])/30_000, "B/done-job")
	}
}

// fillTree makes a tree of jobs as qmserver leaves them, with a record each.
func fillTree(b *testing.B, tree string, done, queued, running int) {
	b.Helper()
	for st, n := range map[layout.State]int{layout.Done: done, layout.Queued: queued, layout.Running: running, layout.Lost: 0} {
		if err := os.MkdirAll(filepath.Join(tree, st.Folder()), 0o755); err != nil {
			b.Fatal(err)
		}
		var makers sync.WaitGroup
		for part := range 4 {
			makers.Go(func() {
				for i := part; i < n; i += 4 {
					fillJob(b, filepath.Join(tree, st.Folder(), st.String()+strconv.Itoa(i)), st, i)
				}
			})
		}
		makers.Wait()
	}
	if running > 0 {
		if err := os.Truncate(filepath.Join(tree, "QM_Jobs/running0/process.log"), benchLog); err != nil {
			b.Fatal(err)
		}
	}
}

func fillJob(b *testing.B, dir string, st layout.State, i int) {
	if err := os.MkdirAll(filepath.Join(dir, layout.Own), 0o755); err != nil {
		b.Error(err)
		return
	}
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			b.Error(err)
		}
	}
	write("proc_config.cfg", fmt.Sprintf("[QMOptions]\nscript : python3 fit.py --series %d --all\nnb_proc : 2\ne_mail : user%d@example.org\ninfo : fit of series %d\n", i, i%20, i))
	if st == layout.Queued {
		return
	}
	started := time.Now().Add(-time.Duration(benchDone-i) * time.Minute)
	if st == layout.Running { // so that the page counts seconds
		started = time.Now().Add(-time.Duration(i+1) * time.Minute)
	}
	record := layout.Record{
		Name: filepath.Base(dir), Script: new(fmt.Sprintf("python3 fit.py --series %d --all", i)), Owner: new(fmt.Sprintf("user%d@example.org", i%20)),
		Host: new("lab1"), NbProc: new(2), CPUs: []int{0, 1}, Submitted: &started, Claimed: &started, Started: &started,
	}
	log := layout.StartedLine(started) + "\nprocessing 21 / 50\n"
	if st == layout.Done {
		finished := started.Add(10 * time.Minute)
		record.Finished, record.Outcome, record.ExitCode, record.CPUSeconds, record.PeakMemoryBytes = &finished, new(layout.Succeeded), new(0), new(1100.5), new(int64(1<<30))
		log += layout.FinishedLine(finished, "with code 0") + "\n"
	}
	data, err := json.Marshal(record)
	if err != nil {
		b.Error(err)
	}
	write(layout.RecordFile, string(data))
	write(layout.JobLog, log)
}

// lineUp writes what the server tells of the queue.
func lineUp(b *testing.B, tree string) {
	b.Helper()
	q := layout.Queue{Written: time.Now(), Waiting: benchQueued}
	for i := range layout.MaxQueueJobs {
		q.Jobs = append(q.Jobs, layout.QueueJob{ID: fmt.Sprint("queued", i), Position: i + 1, Arrived: time.Now(), Reason: "waits for 2 processors, none is free"})
	}
	data, err := json.Marshal(q)
	if err == nil {
		err = os.WriteFile(filepath.Join(tree, layout.QueueFile), data, 0o644)
	}
	if err != nil {
		b.Fatal(err)
	}
}

// readAll waits until all jobs are read and returns how long that took.
func (p *program) readAll(b *testing.B, began time.Time) time.Duration {
	for !strings.Contains(p.get(b, "/api/v1/status"), `"unread":0,`) {
		time.Sleep(50 * time.Millisecond)
	}
	return time.Since(began)
}

// rss returns its resident memory in bytes, of its own: not the binary's pages.
func (p *program) rss(b *testing.B) float64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	m := regexp.MustCompile(`VmRSS:\s*(\d+) kB`).FindStringSubmatch(string(data))
	kb, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		b.Fatal(err)
	}
	return kb * 1024
}

func (p *program) stop(b *testing.B) {
	if err := p.Process.Kill(); err != nil {
		b.Error(err)
	}
	_ = p.Wait() // killed
}

// median returns the median of how long n calls took.
func median(n int, call func()) time.Duration {
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		call()
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n/2]
}
