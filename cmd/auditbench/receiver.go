package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
	"github.com/spf13/cobra"
)

const (
	receiverCommand = "hec"
	statsPath       = "/stats"
)

// listening is what the receiver child tells when it listens.
type listening struct {
	URL string `json:"url"`
}

// received is what came in.
type received struct {
	Events     int       `json:"events"` // different ones
	Duplicates int       `json:"duplicates"`
	Requests   int       `json:"requests"`
	WireBytes  int64     `json:"wire_bytes"`
	First      time.Time `json:"first"` // when the first event came
	Timed      time.Time `json:"timed"` // when as many had come as are timed
}

func newReceiverCommand() *cobra.Command {
	rc := newReceiver()
	cmd := &cobra.Command{
		Use:    receiverCommand,
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ln, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", "127.0.0.1:0")
			if err != nil {
				return fmt.Errorf("listen for events: %w", err)
			}
			srv := &http.Server{Handler: rc, ReadHeaderTimeout: 10 * time.Second}
			served := make(chan error, 1)
			go func() { served <- srv.Serve(ln) }()
			err = serveUntilClosed(cmd, listening{URL: "http://" + ln.Addr().String()})
			err = errors.Join(err, srv.Close())
			if serr := <-served; !errors.Is(serr, http.ErrServerClosed) {
				err = errors.Join(err, serr)
			}
			return err
		},
	}
	cmd.Flags().IntVar(&rc.timed, "timed", 0, "")
	return cmd
}

// receiver is the cheapest HEC server that can tell whether each event came
// exactly once: it shares the processors with the process that is measured, so
// it parses no JSON, and looks only for the record's partition and offset.
// What hectest would refuse is not its business.
type receiver struct {
	timed   int       // events after which the clock stops
	buffers sync.Pool // of *bytes.Buffer: decompressed bodies
	zippers sync.Pool // of *gzip.Reader

	mu    sync.Mutex
	stats received
	seen  map[int][]uint64 // a bit for each offset, by partition
}

func newReceiver() *receiver {
	return &receiver{
		buffers: sync.Pool{New: func() any { return new(bytes.Buffer) }},
		zippers: sync.Pool{New: func() any { return new(gzip.Reader) }},
		seen:    map[int][]uint64{},
	}
}

// ServeHTTP implements http.Handler.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if r.URL.Path == statsPath {
		rc.mu.Lock()
		defer rc.mu.Unlock()
		_ = writeJSON(w, rc.stats) // the parent sees that it is cut short
		return
	}
	if err := rc.take(r); err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_ = writeJSON(w, map[string]any{"text": err.Error(), "code": 6})
		return
	}
	_, _ = io.WriteString(w, `{"text":"Success","code":0}`) // the client tries again
}

func (rc *receiver) take(r *http.Request) error {
	buf, _ := rc.buffers.Get().(*bytes.Buffer)
	defer rc.buffers.Put(buf)
	buf.Reset()
	body := &countingReader{Reader: r.Body}
	plain := io.Reader(body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, _ := rc.zippers.Get().(*gzip.Reader)
		defer rc.zippers.Put(z)
		if err := z.Reset(body); err != nil {
			return fmt.Errorf("read a compressed body: %w", err)
		}
		plain = z
	}
	if _, err := buf.ReadFrom(plain); err != nil {
		return fmt.Errorf("read a body: %w", err)
	}
	found, err := places(nil, buf.Bytes())
	if err != nil {
		return err
	}
	rc.note(found, body.n)
	return nil
}

// note counts the events of one request.
func (rc *receiver) note(found []place, wire int64) {
	now := time.Now()
	rc.mu.Lock()
	defer rc.mu.Unlock()
	if rc.stats.Requests == 0 {
		rc.stats.First = now
	}
	rc.stats.Requests++
	rc.stats.WireBytes += wire
	for _, p := range found {
		bits, word, bit := rc.seen[p.partition], p.offset/64, uint64(1)<<(p.offset%64)
		for len(bits) <= word {
			bits = append(bits, 0)
		}
		if bits[word]&bit != 0 {
			rc.stats.Duplicates++
		} else {
			rc.stats.Events++
		}
		bits[word] |= bit
		rc.seen[p.partition] = bits
	}
	if rc.stats.Timed.IsZero() && rc.stats.Events >= rc.timed {
		rc.stats.Timed = now
	}
}

// place is where an event stood in the topic.
type place struct{ partition, offset int }

// places appends the place of every event in a body. It relies on how the
// forwarder writes the fields of an envelope; a body without any is refused.
func places(dst []place, body []byte) ([]place, error) {
	before := len(dst)
	for {
		at := bytes.Index(body, []byte(`"kafka_partition":"`))
		if at < 0 {
			break
		}
		body = body[at+len(`"kafka_partition":"`):]
		partition, rest, ok := number(body)
		if !ok || !bytes.HasPrefix(rest, []byte(`","kafka_offset":"`)) {
			return dst, errors.New("an envelope has no kafka_offset behind its kafka_partition; auditbench must be changed with the envelope")
		}
		offset, rest, ok := number(rest[len(`","kafka_offset":"`):])
		if !ok {
			return dst, errors.New("an envelope's kafka_offset is no number")
		}
		dst, body = append(dst, place{partition: partition, offset: offset}), rest
	}
	if len(dst) == before {
		return dst, errors.New("no envelope has a kafka_partition; auditbench must be changed with the envelope")
	}
	return dst, nil
}

// number reads decimal digits.
func number(b []byte) (n int, rest []byte, ok bool) {
	i := 0
	for i < len(b) && '0' <= b[i] && b[i] <= '9' {
		i++
	}
	n, err := strconv.Atoi(string(b[:i]))
	return n, b[i:], err == nil
}

// countingReader counts the bytes that were read.
type countingReader struct {
	io.Reader
	n int64
}

// Read implements io.Reader.
func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}
