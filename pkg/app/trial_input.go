package app

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"auditlog-forwarder/pkg/audit"
)

// tryLines tries events of one line each, whose number is the offset. The text may be
// packed with gzip.
func tryLines(ctx context.Context, in io.Reader, try func(audit.Record)) error {
	lines := bufio.NewReaderSize(in, 64<<10)
	if start, _ := lines.Peek(2); bytes.Equal(start, []byte{0x1f, 0x8b}) {
		unpacked, err := gzip.NewReader(lines)
		if err != nil {
			return fmt.Errorf("unpack the events: %w", err)
		}
		lines = bufio.NewReaderSize(unpacked, 64<<10)
	}
	start, _ := lines.Peek(3)
	switch {
	case bytes.Equal(start, []byte("\xef\xbb\xbf")): // Windows marks UTF-8 so
		_, _ = lines.Discard(len(start)) // it was peeked
	case bytes.HasPrefix(start, []byte{0xff, 0xfe}), bytes.HasPrefix(start, []byte{0xfe, 0xff}):
		return errors.New("the events are text in UTF-16; write them as UTF-8, as iconv -f UTF-16 -t UTF-8 does")
	}
	for n := int64(0); ctx.Err() == nil; n++ {
		line, err := lines.ReadBytes('\n')
		for len(line) > 0 && (line[len(line)-1] == '\n' || line[len(line)-1] == '\r') {
			line = line[:len(line)-1]
		}
		if len(line) > 0 && ctx.Err() == nil {
			try(audit.Record{Topic: "events", Offset: n, Value: line})
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			return fmt.Errorf("read line %d of the events: %w", n+1, err)
		}
	}
	return fmt.Errorf("stopped before all events were read: %w", ctx.Err())
}

// Stoppable reads from what may have nothing for long, a terminal or a pipe, until ctx
// is done. A read that goes on then is left alone, and what comes of it is lost.
func Stoppable(ctx context.Context, in io.Reader) io.Reader {
	return &stoppable{ctx: ctx, in: in}
}

type stoppable struct {
	ctx  context.Context //nolint:containedctx // a Read has none of its own
	in   io.Reader
	buf  []byte
	rest []byte
	err  error
}

// Read implements io.Reader.
func (s *stoppable) Read(p []byte) (int, error) {
	if len(s.rest) == 0 && s.err == nil {
		s.fill()
	}
	if len(s.rest) == 0 {
		return 0, s.err
	}
	n := copy(p, s.rest)
	s.rest = s.rest[n:]
	return n, nil
}

func (s *stoppable) fill() {
	if s.buf == nil {
		s.buf = make([]byte, 64<<10)
	}
	type chunk struct {
		n   int
		err error
	}
	// Room for one, so that the read ends even if nobody waits for it any more.
	done := make(chan chunk, 1)
	go func() {
		n, err := s.in.Read(s.buf)
		done <- chunk{n, err}
	}()
	select {
	case <-s.ctx.Done():
		s.err = s.ctx.Err()
	case c := <-done:
		s.rest, s.err = s.buf[:c.n], c.err
	}
}
