package page

import (
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestBody(t *testing.T) {
	text := strings.Repeat("so many words ", 1000)
	b := newBody("text/x", []byte(text))
	send := func(method string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(method, "/", nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		b.send(w, r, http.StatusOK)
		return w
	}
	plain, packed := send("GET"), send("GET", "Accept-Encoding", "br;q=1.0, gzip;q=0.8, *;q=0.1")
	if plain.Body.String() != text || plain.Header().Get("Content-Encoding") != "" || plain.Header().Get("Vary") != "Accept-Encoding" {
		t.Errorf("plain: %v", plain.Header())
	}
	if packed.Header().Get("Content-Encoding") != "gzip" || packed.Body.Len() > len(text)/10 || packed.Header().Get("ETag") == plain.Header().Get("ETag") {
		t.Errorf("packed: %v", packed.Header())
	}
	z, err := gzip.NewReader(packed.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(z); err != nil || string(got) != text {
		t.Errorf("unpacked: %v", err)
	}
	if head := send("HEAD"); head.Body.Len() != 0 || head.Header().Get("Content-Length") != plain.Header().Get("Content-Length") {
		t.Errorf("HEAD: %v", head.Header())
	}
	tag := plain.Header().Get("ETag")
	for header, want := range map[string]int{tag: 304, "W/" + tag: 304, `"x", ` + tag: 304, "*": 304, `"x"`: 200, "": 200} {
		if w := send("GET", "If-None-Match", header); w.Code != want || want == 304 && w.Body.Len() != 0 {
			t.Errorf("If-None-Match %s: %d", header, w.Code)
		}
	}
}

func TestTakesGzip(t *testing.T) {
	for header, want := range map[string]bool{
		"": false, "gzip": true, "GZIP": true, "deflate, gzip": true, "gzip;q=0": false, "gzip; q=0.000": false, "gzip;q=0.5": true, "identity": false, "*": true, "*;q=0": false,
		"*;q=0, gzip": true, "gzip;q=0, *": false, "gzip;q=0.5, identity": false, "identity;q=0.5, gzip;q=0.5": true, "identity;q=0.5, *;q=0.1": false, "gzip;Q=1;x=y": true, "gzip;q=x": false, "x-gzip": true, "br": false,
	} {
		if got := takesGzip(header); got != want {
			t.Errorf("%q: %v", header, got)
		}
	}
}
