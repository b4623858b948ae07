package hec

import (
	"bytes"
	"runtime"
	"sync"

	"github.com/klauspost/compress/gzip"
)

// zipper compresses request bodies. A compressor keeps about a megabyte of
// tables, and one for each post under way made a sixth of the forwarder's
// memory. Compressing only needs a core, so there are as many as cores; only
// the small results live as long as their posts.
type zipper struct {
	idle    chan *gzip.Writer // the compressors that nobody uses
	buffers sync.Pool         // of *bytes.Buffer
}

func newZipper(level int) (*zipper, error) {
	n := runtime.GOMAXPROCS(0)
	z := &zipper{idle: make(chan *gzip.Writer, n), buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }}}
	for range n {
		w, err := gzip.NewWriterLevel(nil, level)
		if err != nil {
			return nil, err
		}
		z.idle <- w
	}
	return z, nil
}

// compress returns the compressed form of plain. release takes its memory
// back; the result must not be used afterwards.
func (z *zipper) compress(plain []byte) (zipped []byte, release func(), err error) {
	buf, ok := z.buffers.Get().(*bytes.Buffer)
	if !ok { // the pool holds nothing else
		buf = new(bytes.Buffer)
	}
	release = func() { z.buffers.Put(buf) }
	buf.Reset()
	w := <-z.idle // never for long: compressing waits for nothing
	defer func() { z.idle <- w }()
	w.Reset(buf)
	if _, err = w.Write(plain); err == nil {
		err = w.Close()
	}
	return buf.Bytes(), release, err
}
