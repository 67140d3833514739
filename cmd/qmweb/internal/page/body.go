package page

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// minPacked is the size from which on packing saves a packet.
const minPacked = 1400

// body is an answer that may be sent many times: its tag is made once, and so
// is its packed form. It may be sent by several requests at once.
type body struct {
	kind   string // Content-Type
	data   []byte
	tag    string // without quotes
	weak   bool   // bodies of one tag differ in what does not count
	packed func() []byte
}

func newBody(kind string, data []byte) *body {
	b := &body{kind: kind, data: data, tag: tagOf(data)}
	b.packed = sync.OnceValue(func() []byte {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, 5) // the level is a valid one
		_, _ = z.Write(data)                 // a buffer takes all
		_ = z.Close()
		return buf.Bytes()
	})
	return b
}

func tagOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:12])
}

// header is the ETag of a body with this tag.
func (b *body) header(tag string) string {
	if b.weak {
		return `W/"` + tag + `"`
	}
	return `"` + tag + `"`
}

// send answers with the body; with 304 where the browser has it already.
func (b *body) send(w http.ResponseWriter, r *http.Request, status int) {
	h := w.Header()
	data, tag := b.data, b.tag
	if len(data) >= minPacked {
		h.Add("Vary", "Accept-Encoding")
		if takesGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			data, tag = b.packed(), tag+"-gz"
		}
	}
	h.Set("Content-Type", b.kind)
	if status == http.StatusOK {
		h.Set("ETag", b.header(tag))
		if hasTag(r.Header.Get("If-None-Match"), tag) {
			h.Del("Content-Type")
			h.Del("Content-Encoding")
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(data)))
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(data) // whoever asked may be gone
	}
}

// hasTag tells whether an If-None-Match names the tag. Proxies make tags weak.
func hasTag(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == "*" || one == `"`+tag+`"` {
			return true
		}
	}
	return false
}

// takesGzip tells whether an Accept-Encoding (RFC 9110 section 12.5.3) takes
// gzip, and does not like the plain form better.
func takesGzip(header string) bool {
	gzip, plain, other := -1.0, -1.0, -1.0 // not named
	for one := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(one, ";")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "gzip", "x-gzip":
			gzip = quality(weight)
		case "identity":
			plain = quality(weight)
		case "*":
			other = quality(weight)
		}
	}
	if gzip < 0 {
		gzip = other
	}
	return gzip > 0 && gzip >= plain
}

// quality reads ";q=0.5": 1 where it is not there, 0 where it is no number.
func quality(weight string) float64 {
	for one := range strings.SplitSeq(weight, ";") {
		if name, value, _ := strings.Cut(one, "="); strings.EqualFold(strings.TrimSpace(name), "q") {
			q, _ := strconv.ParseFloat(strings.TrimSpace(value), 64)
			return q
		}
	}
	return 1
}
