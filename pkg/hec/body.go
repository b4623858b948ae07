package hec

import (
	"bytes"
	"net/http"
	"sync"
)

// requestBody tells when the transport is done with it. HTTP/2 closes a body
// beside the goroutine that reads it, so what is closed gives nothing more.
type requestBody struct {
	release func()

	mu     sync.Mutex
	data   *bytes.Reader
	closed bool
}

// Len makes the request's length known.
func (b *requestBody) Len() int { return b.data.Len() }

// Read implements io.Reader.
func (b *requestBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.data.Read(p)
}

// Close implements io.Closer.
func (b *requestBody) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.release()
	return nil
}
