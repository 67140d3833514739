package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"golang.org/x/sys/unix"

	"qm/pkg/layout"
)

// readmePictures names the variable that tells where the README's pictures are
// to be put; see testdata/pictures/make.
const readmePictures = "QM_README_PICTURES"

// shots are the README's pictures: a page as a window of that width shows it, down
// to the end of a part of it.
var shots = []struct {
	name, path, scheme string
	width              int
	until              string
}{
	{"status-light", "/", "light", 1280, "#done tbody tr:nth-child(6)"},
	{"status-dark", "/", "dark", 1280, "#done tbody tr:nth-child(6)"},
	{"status-phone", "/", "light", 390, "#queued tbody tr:nth-child(3)"},
	{"job", "/QM_Jobs/fit_march_series/", "light", 1280, "body"},
	{"stats", "/stats", "light", 1280, "section:has(#h-timeline)"},
}

// TestReadmePictures makes the pictures of the README: two real programs on the
// tree of a laboratory that does not exist.
func TestReadmePictures(t *testing.T) {
	to := os.Getenv(readmePictures)
	if to == "" {
		t.Skipf("skipped: %s names no folder for pictures", readmePictures)
	}
	tr := newTree(t)
	l := &spectroscopy{tree: tr, lab: &lab{t: t, dir: filepath.Dir(tr.path)}}
	l.past()
	l.present()
	l.start()
	tb := chromium.open(t, l.url)
	for _, s := range shots {
		tb.look(s.width, s.scheme)
		tb.goTo(s.path)
		tb.waitFor(`document.fonts.status === "loaded"`)
		height := eval[float64](tb, fmt.Sprintf(`Math.ceil(document.querySelector(%q).getBoundingClientRect().bottom + scrollY)`, s.until))
		act(tb, chromedp.EmulateViewport(int64(s.width), int64(height)+8))
		png := shrunk(t, act(tb, chromedp.CaptureScreenshot()))
		t.Logf("%s: %d bytes", s.name, len(png))
		tr.must(os.WriteFile(filepath.Join(to, s.name+".png"), png, 0o644))
	}
}

// spectroscopy is a laboratory on an ordinary afternoon.
type spectroscopy struct {
	*tree
	*lab
	arrivals strings.Builder
}

const (
	anna = "anna@example.org"
	ben  = "ben@example.org"
	mei  = "mei@example.org"
)

// past is what was done within the last weeks. It comes out the same each time,
// but for the time of day.
func (l *spectroscopy) past() {
	for _, f := range []fake{
		{name: "calibration_lamp_2", owner: ben, info: "Neon lamp, second try", procs: 1, started: 24 * time.Minute, took: 41 * time.Second, outcome: layout.Succeeded},
		{name: "calibration_lamp", owner: ben, info: "Neon lamp", procs: 1, started: 31 * time.Minute, took: 12 * time.Second, outcome: layout.Failed, code: 1},
		{name: "raman_map_A2", owner: mei, info: "Map of sample A2, 60 x 60 points", procs: 8, started: 4 * time.Hour, took: 2*time.Hour + 48*time.Minute, outcome: layout.Succeeded},
		{name: "fit_february_series", owner: anna, info: "Fit of the February series", procs: 4, started: 6 * time.Hour, took: 97 * time.Minute, outcome: layout.Succeeded},
		{name: "md_water_280K", owner: ben, procs: 2, started: 30 * time.Hour, took: 24 * time.Hour, outcome: layout.TimedOut, signal: 15, reason: "its time limit of 24h is over"},
		{name: "raman_map_A1", owner: mei, info: "Map of sample A1, 60 x 60 points", procs: 8, started: 27 * time.Hour, took: 3 * time.Hour, outcome: layout.Succeeded},
	} {
		f.state = layout.Done
		l.add(f)
	}
	l.add(fake{state: layout.Lost, name: "md_water_270K", owner: ben, procs: 2, started: 100 * time.Hour, took: 20 * time.Hour, outcome: layout.Interrupted, reason: "the machine went down while it ran; drop it again to run it again"})
	at := rand.New(rand.NewPCG(3, 5))
	who := []struct {
		owner, name string
		procs       int
		hours       float64
	}{{anna, "fit_series_%02d", 4, 2}, {mei, "raman_map_%02d", 8, 3}, {ben, "md_run_%02d", 2, 14}}
	for n := range 80 {
		w := who[at.IntN(len(who))]
		f := fake{state: layout.Done, name: fmt.Sprintf(w.name, 80-n), owner: w.owner, procs: w.procs, outcome: layout.Succeeded}
		f.started = 48*time.Hour + time.Duration(n)*8*time.Hour + time.Duration(at.IntN(300))*time.Minute
		f.took = time.Duration((.2 + at.ExpFloat64()) * w.hours / 1.2 * float64(time.Hour))
		switch at.IntN(12) {
		case 0:
			f.outcome, f.code = layout.Failed, 1
		case 1:
			f.outcome, f.signal, f.reason = layout.Stopped, 15, "a file named STOP was put into its folder"
		}
		l.add(f)
	}
}

// present is what lies in the queue when qmserver starts: some of it runs at
// once, to the place where its script waits.
func (l *spectroscopy) present() {
	log := "\x1b[32mINFO\x1b[0m  50 spectra in samples/, 1024 points each\n\x1b[32mINFO\x1b[0m  baseline: asymmetric least squares\n"
	for n, spike := range []string{"1043.2", "", "788.0", "", "", "1602.9"} {
		if spike != "" {
			log += fmt.Sprintf("\x1b[33mWARN\x1b[0m  march_%02d.dat: spike at %s cm-1 removed\n", 3*n+2, spike)
		}
	}
	l.queue(72*time.Minute, "fit_march_series", log+"fitting march_21.dat\r 42%|████▏     | 21/50 [1:10:58<1:38:01, 202.8s/it]", "[QMOptions]\nscript    : sh fit.sh samples/\nnb_proc   : 4\ne_mail    : "+anna+"\ninfo      : Fit of the March series\ntime_limit: 6h\n")
	l.queue(5*time.Hour, "md_water_300K", "step 61200 / 100000  T = 299.8 K\n", "[QMOptions]\nscript : sh fit.sh\nnb_proc : 2\ne_mail : "+ben+"\ninfo : Water at 300 K, 10 ns\n")
	l.queue(38*time.Minute, "raman_map_A3", "point 1254 / 3600\n", "[QMOptions]\nscript : sh fit.sh\nnb_proc : 6\nnb_gpu : 1\ne_mail : "+mei+"\ninfo : Map of sample A3, 60 x 60 points\n")
	l.queue(26*time.Minute, "fit_april_series", "", "[QMOptions]\nscript : sh fit.sh\nnb_proc : 8\ne_mail : "+anna+"\ninfo : Fit of the April series\n")
	l.queue(22*time.Minute, "fit_spring_report", "", "[QMOptions]\nscript : sh fit.sh\ne_mail : "+anna+"\nafter : fit_march_series, fit_april_series\n")
	l.queue(14*time.Minute, "raman_map_A4", "", "[QMOptions]\nscript : sh fit.sh\nnb_proc : 8\nnb_gpu : 2\ne_mail : "+mei+"\ninfo : Map of sample A4, 60 x 60 points\n")
	l.queue(9*time.Minute, "md_water_310K", "", "[QMOptions]\nscript : sh fit.sh\nnb_proc : 2\ne_mail : "+ben+"\n")
	l.tree.write("", "QM_qJobs", "md_water_310K", "HOLD")
	l.queue(time.Minute, "spectra_april", "", "[QMOptions]\nscript : sh fit.sh\ne_mail : "+ben+"\n")
	l.tree.write("", "QM_qJobs", "spectra_april", "april_17.dat.part")
	l.queue(2*time.Minute, "fit_typo", "", "[QMOptions]\nscript : sh fit.sh\nnb_proc : two\ne_mail : "+anna+"\n")
	l.tree.write(l.arrivals.String(), layout.ArrivalsFile)
}

// queue puts a job into the queue that has come there so long ago. It prints its
// log and stops there; without one it is not to run.
func (l *spectroscopy) queue(came time.Duration, name, log, cfg string) {
	l.tree.write(cfg, "QM_qJobs", name, "proc_config.cfg")
	l.tree.write("cat output.txt\nwhile true; do sleep 60; done\n", "QM_qJobs", name, "fit.sh")
	l.tree.write(log, "QM_qJobs", name, "output.txt")
	for n := range 3 {
		l.tree.write("1 2\n", "QM_qJobs", name, "samples", fmt.Sprintf("%s_%02d.dat", name[4:7], n))
	}
	var f unix.Statx_t
	l.must(unix.Statx(unix.AT_FDCWD, filepath.Join(l.path, "QM_qJobs", name), 0, unix.STATX_INO|unix.STATX_BTIME, &f))
	at := l.now.Add(-came).UnixNano()
	fmt.Fprintf(&l.arrivals, "%d %d %d %d\n", f.Ino, f.Btime.Sec*1e9+int64(f.Btime.Nsec), at, at)
}

// world runs the programs as the user lab of the machine lab1, where the tree is
// /srv/QM, until it is killed.
const world = `hostname lab1; mount -t tmpfs none /srv; mkdir /srv/QM; mount --bind QM /srv/QM; mount --bind passwd /etc/passwd
exec unshare -U --map-user=1000 --map-group=1000 sh -c '"$0/qmserver" -config QMserv.cfg 2>server.log & until [ -e shifted ]; do sleep 0.1; done; "$0/qmweb" -config QMserv.cfg 2>web.log & wait' "$0"`

// start starts the programs, and lets what runs have begun a while ago.
func (l *spectroscopy) start() {
	dir, err := programs()
	l.must(err)
	l.lab.write("QMserv.cfg", "[QMServer]\nQM_FOLDER = /srv/QM\nsettle_time = 0.2\nMaxNbProcessors = 16\nGPUs = 0,1\n[WEB_QMserver]\nThe_Port = 0\n")
	l.lab.write("passwd", "root:x:0:0::/root:/bin/sh\nlab:x:1000:1000::/home/lab:/bin/sh\n")
	cmd := exec.Command("unshare", "-r", "--mount", "--uts", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-euc", world, dir)
	cmd.Dir, cmd.Env = l.dir, []string{"PATH=/usr/local/bin:/usr/bin:/bin", "TZ=UTC", "GOMAXPROCS=2"}
	l.must(cmd.Start())
	l.lab.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		for _, log := range []string{"server.log", "web.log"} {
			if text, _ := os.ReadFile(filepath.Join(l.dir, log)); l.lab.t.Failed() {
				l.lab.t.Logf("%s", text)
			}
		}
	})
	for name, since := range map[string]time.Duration{"fit_march_series": 71 * time.Minute, "md_water_300K": 5 * time.Hour, "raman_map_A3": 37 * time.Minute} {
		l.shift(name, since)
	}
	l.waitFor("the queue to settle", func() bool {
		data, _ := os.ReadFile(filepath.Join(l.path, layout.QueueFile))
		q, err := layout.ParseQueue(data)
		lost, _ := os.ReadDir(filepath.Join(l.path, "QM_lost+found"))
		return err == nil && q.Waiting == 4 && q.Arriving == 1 && len(lost) == 2
	})
	l.lab.write("shifted", "")
	listening := regexp.MustCompile(`msg=listening url=(\S+)`)
	l.waitFor("qmweb to listen", func() bool {
		log, _ := os.ReadFile(filepath.Join(l.dir, "web.log"))
		if m := listening.FindSubmatch(log); m != nil {
			l.url = string(m[1])
		}
		return l.url != ""
	})
	l.waitFor("qmweb to see qmserver live", func() bool {
		answer, err := http.Get(strings.TrimSuffix(l.url, "/") + "/api/v1/status")
		if err != nil {
			return false
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		return err == nil && bytes.Contains(text, []byte(`"as_of":null`))
	})
}

// shift has a job that runs begin so long ago, by its record, which is for
// people, and by its log.
func (l *spectroscopy) shift(name string, ago time.Duration) {
	at := filepath.Join(l.path, "QM_Jobs", name)
	var record *layout.Record
	l.waitFor(name+" to run", func() bool {
		data, err := os.ReadFile(filepath.Join(at, layout.RecordFile))
		if err == nil {
			record, err = layout.ParseRecord(data)
		}
		return err == nil
	})
	begun := l.now.Add(-ago)
	record.Started, record.Claimed = &begun, &begun
	data, err := json.Marshal(record)
	l.must(err)
	l.must(os.WriteFile(filepath.Join(at, layout.RecordFile), data, 0o644))
	log, err := os.OpenFile(filepath.Join(at, layout.JobLog), os.O_WRONLY, 0)
	l.must(err)
	defer log.Close()
	_, err = log.WriteAt([]byte(layout.StartedLine(begun.UTC())), 0)
	l.must(err)
}
