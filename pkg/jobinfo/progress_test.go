package jobinfo

import (
	"strings"
	"testing"
)

func TestLastProgress(t *testing.T) {
	of := func(done, total int64) Progress {
		return Progress{done, total, 100 * float64(done) / float64(total)}
	}
	tests := []struct {
		tail string
		want Progress
	}{
		{"processing 3 / 50\n", of(3, 50)},
		{"processing 3 / 50\nprocessing 4 / 50\nwaiting\n", of(4, 50)},
		{"3/50", of(3, 50)},
		{"0/50", of(0, 50)},
		{"[ 3/50] compiling a/1.c", of(3, 50)},
		{"(3/50)", of(3, 50)},
		{"step=3/50, loss 0.5", of(3, 50)},
		{"step:3/50: ok", of(3, 50)},
		{"done 3/50.", of(3, 50)},
		{"Epoch 3/10 batch 7/9", of(7, 9)},
		{"\x1b[32m3/50\x1b[0m done", of(3, 50)},
		{" 42%|####    | 21/50 [00:10<00:14, 2.0it/s]", of(21, 50)},
		{"\r  0%|          | 0/50 [00:00<?, ?it/s]\r 42%|████▏     | 21/50 [00:10<00:14,  2.0it/s]\r", of(21, 50)},
		{"100%|██████████| 50/50 [00:24<00:00,  2.04it/s]\n", of(50, 50)},
		{" 42%|####    | 21.0M/50.0M [00:10<00:14, 2.0MB/s]", Progress{Percent: 42}},
		{"10 %\r20 %\r30 %", Progress{Percent: 30}},
		{"at 12.5%", Progress{Percent: 12.5}},
		{"3/10 (30%)", of(3, 10)},
		{"3/10\n 35%\n", Progress{Percent: 35}},
		{"file 3/10 of 12/11/2025", of(3, 10)},
		{"3/10, 300%", of(3, 10)},
	}
	for _, test := range tests {
		if got, ok := LastProgress([]byte(test.tail)); !ok || got != test.want {
			t.Errorf("%q: %+v, %t, want %+v", test.tail, got, ok, test.want)
		}
	}
}

func TestNoProgress(t *testing.T) {
	for _, tail := range []string{
		"", "\n\r\n", "nothing", "12/11/2025", "2025/11/12", "12 / 11 / 2025", "/a/1/2", "a/1/2", "/scratch/1/2/x", "dir1/2", "1/2/", "2/5.txt",
		"5/0", "0/0", "6/5", "1/2/3", "1.2/3.4", "v1/2", "HTTP/1.1 200 OK", "http://h/1/2", "http://h:80/120", "https://h/?q=1/2",
		"12:30/50", "1,234/5,678", "-3/10", "10/20kB", "100/s", "2.0it/s", "3/99999999999999999999", "99999999999999999999/3", "1\n/2", "1/\n2",
		"200%", "%d%%", "50%d", "100.1%", "a50%", "1-50%", "99999999999999999999%",
	} {
		if got, ok := LastProgress([]byte(tail)); ok {
			t.Errorf("%q: %+v", tail, got)
		}
	}
}

// A tail as long as ProgressTail may begin within a line, so within a number.
func TestCutLineIsPassedOver(t *testing.T) {
	rest := strings.Repeat("x\n", ProgressTail/2)
	if got, ok := LastProgress([]byte("3 / 50\n" + rest)); ok {
		t.Errorf("cut line: %+v", got)
	}
	if _, ok := LastProgress([]byte("y\n3 / 50\n" + rest)); !ok {
		t.Error("the second line is whole")
	}
}

func TestLastTime(t *testing.T) {
	tests := []struct {
		tail string
		want float64
		ok   bool
	}{
		{"time: 12\n", 12, true},
		{"a\ntime: 3.5\nTime : 4.5 s\nb\n", 4.5, true},
		{"runtime: 3", 0, false},
		{"time: soon", 0, false},
		{"time: 12:30", 0, false},
		{"", 0, false},
	}
	for _, test := range tests {
		if got, ok := LastTime([]byte(test.tail)); got != test.want || ok != test.ok {
			t.Errorf("%q: %v, %t", test.tail, got, ok)
		}
	}
}
