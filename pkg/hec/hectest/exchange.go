package hectest

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// exchange is one request on its way to its reply.
type exchange struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	query url.Values

	body    []byte // decompressed
	wire    int    // bytes as sent
	refusal int    // 400, 413 or 415 if the body is of no use
	pooled  []*bytes.Buffer
	indexed int
	ackID   int // -1 if none was given out
}

// readBody reads the whole body before anything is judged, so that a client
// always gets to read its reply. An error means that the client went away.
func (x *exchange) readBody() error {
	limit := x.s.cfg.maxContent
	// Events are handed on with the bytes of the body, so it is theirs for good;
	// only what nobody keeps goes back to the pool.
	encoding := strings.ToLower(x.r.Header.Get("Content-Encoding"))
	zipped := encoding == "gzip"
	buf := &bytes.Buffer{}
	if zipped || x.s.cfg.discard {
		buf = x.buffer()
	}
	buf.Grow(min(max(int(min(x.r.ContentLength, limit)), 0), maxPooled) + bytes.MinRead)
	if _, err := buf.ReadFrom(io.LimitReader(x.r.Body, limit+1)); err != nil {
		return err
	}
	x.wire, x.body = buf.Len(), buf.Bytes()
	switch {
	case encoding != "" && encoding != "identity" && !zipped:
		x.refusal = http.StatusUnsupportedMediaType
	case int64(x.wire) > limit:
		x.refusal = http.StatusRequestEntityTooLarge
	case zipped:
		x.refusal = x.inflate(limit)
	}
	if x.refusal != 0 {
		x.body = nil
		// What is left of an oversized body is read up to a bound, because a
		// client cut off while it writes seldom reads the reply.
		_, _ = io.CopyN(io.Discard, x.r.Body, maxDrained)
	}
	return nil
}

const (
	maxPooled  = 16 << 20
	maxDrained = 64 << 20
)

func (x *exchange) inflate(limit int64) (refusal int) {
	zr, _ := x.s.gunzips.Get().(*gzip.Reader)
	if zr == nil {
		zr = new(gzip.Reader)
	}
	defer x.s.gunzips.Put(zr)
	if err := zr.Reset(bytes.NewReader(x.body)); err != nil {
		return http.StatusBadRequest
	}
	buf := x.buffer()
	if _, err := buf.ReadFrom(io.LimitReader(zr, limit+1)); err != nil {
		return http.StatusBadRequest
	}
	x.body = buf.Bytes()
	if int64(len(x.body)) > limit {
		return http.StatusRequestEntityTooLarge
	}
	if !x.s.cfg.discard {
		x.body = bytes.Clone(x.body)
	}
	return 0
}

func (x *exchange) refusedBody() (Reply, bool) {
	return HTML(x.refusal), x.refusal != 0
}

func (x *exchange) buffer() *bytes.Buffer {
	buf, _ := x.s.buffers.Get().(*bytes.Buffer)
	if buf == nil {
		buf = &bytes.Buffer{}
	}
	buf.Reset()
	x.pooled = append(x.pooled, buf)
	return buf
}

func (x *exchange) release() {
	for _, buf := range x.pooled {
		if buf.Cap() <= maxPooled+bytes.MinRead {
			x.s.buffers.Put(buf)
		}
	}
}

// send logs the reply, waits if it is to be held, and writes it. Logging comes
// first so that a client that has its reply finds it in the log.
func (x *exchange) send(rep Reply, gone <-chan struct{}) {
	x.s.log(x, rep)
	if rep.hang || rep.until != nil {
		select {
		case <-rep.until: // nil blocks for ever: Hang
		case <-x.r.Context().Done():
			x.cut(false)
			return
		case <-gone:
			x.cut(false)
			return
		}
	}
	if rep.act != actAnswer {
		x.cut(rep.act == actReset)
		return
	}
	if rep.status < 200 {
		rep.status = http.StatusInternalServerError // an empty Reply, from a hook
	}
	contentType, body := rep.body(x.ackID)
	h := x.w.Header()
	if contentType != "" {
		h.Set("Content-Type", contentType)
	}
	if x.r.UserAgent() == "" {
		h.Set("Connection", "close") // forceHttp10 = auto
	}
	x.setCookie()
	for key, values := range rep.header {
		h[key] = values
	}
	if rep.status != http.StatusNoContent && rep.status != http.StatusNotModified {
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	if rep.truncate {
		body = body[:len(body)/2] // net/http closes a connection that got less than announced
	}
	x.w.WriteHeader(rep.status)
	_, _ = x.w.Write(body) // a client that went away needs no reply
}

// cut closes the connection, or HTTP/2's stream, without a reply.
func (x *exchange) cut(reset bool) {
	if x.r != nil && x.r.ProtoMajor == 2 {
		// A deadline that is over resets the stream; the context says when it has.
		if err := http.NewResponseController(x.w).SetWriteDeadline(time.Unix(1, 0)); err == nil {
			<-x.r.Context().Done()
			return
		}
	}
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		// Served by something that is not a connection, such as a recorder.
		http.Error(x.w, "the scripted reply needs a connection: "+err.Error(), http.StatusNotImplemented)
		return
	}
	if reset {
		under := conn
		if t, ok := conn.(interface{ NetConn() net.Conn }); ok {
			under = t.NetConn()
		}
		if tcp, ok := under.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // close with RST
			_ = tcp.Close()
		}
	}
	_ = conn.Close()
}
