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
	packed func() []byte
}

func newBody(kind string, data []byte) *body {
	sum := sha256.Sum256(data)
	b := &body{kind: kind, data: data, tag: hex.EncodeToString(sum[:12])}
	b.packed = sync.OnceValue(func() []byte {
		var buf bytes.Buffer
		z, _ := gzip.NewWriterLevel(&buf, 5) // the level is a valid one
		_, _ = z.Write(data)                 // a buffer takes all
		_ = z.Close()
		return buf.Bytes()
	})
	return b
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
		h.Set("ETag", `"`+tag+`"`)
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

// takesGzip reads an Accept-Encoding (RFC 9110 section 12.5.3).
func takesGzip(header string) bool {
	for one := range strings.SplitSeq(header, ",") {
		name, weight, _ := strings.Cut(one, ";")
		if name = strings.TrimSpace(name); !strings.EqualFold(name, "gzip") && name != "*" {
			continue
		}
		_, q, given := strings.Cut(weight, "=")
		return !given || strings.Trim(strings.TrimSpace(q), "0.") != ""
	}
	return false
}
