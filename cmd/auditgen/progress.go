package main

import (
	"fmt"
	"io"
	"os"
	"sync/atomic"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/schollz/progressbar/v3"
)

const (
	drawEvery   = 200 * time.Millisecond // on a terminal
	reportEvery = 10 * time.Second       // elsewhere
)

// progress shows how far the work is: a bar on a terminal, else a line now and
// then. add only counts; one goroutine shows, until stop.
type progress struct {
	count atomic.Int64
	quit  chan struct{} // closed by stop
	done  chan struct{} // closed when nothing is shown any more
}

func startProgress(w io.Writer, total int64) *progress {
	p := &progress{quit: make(chan struct{}), done: make(chan struct{})}
	started := time.Now()
	every, show, end := reportEvery, func() {
		n := p.count.Load()
		say(w, "%s so far", counted(n, time.Since(started)))
	}, func() {}
	if isTerminal(w) {
		if total == 0 {
			total = -1 // the bar becomes a spinner
		}
		bar := progressbar.NewOptions64(total, progressbar.OptionSetWriter(w), progressbar.OptionSetDescription("auditgen"),
			progressbar.OptionShowCount(), progressbar.OptionShowIts(), progressbar.OptionSetItsString("records"),
			progressbar.OptionClearOnFinish())
		// What cannot be drawn is not worth an error.
		every, show, end = drawEvery, func() { _ = bar.Set64(p.count.Load()) }, func() { _ = bar.Clear() }
	}
	go func() {
		defer close(p.done)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				show()
			case <-p.quit:
				end()
				return
			}
		}
	}()
	return p
}

func (p *progress) add() { p.count.Add(1) }

func (p *progress) stop() {
	close(p.quit)
	<-p.done
}

// report says what was written in the end.
func report(w io.Writer, where string, written, malformed int64, took time.Duration) {
	extra := ""
	if malformed > 0 {
		extra = fmt.Sprintf(", %s of them malformed", humanize.Comma(malformed))
	}
	say(w, "wrote %s to %s%s", counted(written, took), where, extra)
}

// say writes a line for people; if it cannot be written, nobody can be told.
func say(w io.Writer, format string, args ...any) {
	_, _ = fmt.Fprintf(w, "auditgen: "+format+"\n", args...)
}

// counted returns, for example, "1,200 records in 1.5s (800/s)".
func counted(n int64, took time.Duration) string {
	noun := "records"
	if n == 1 {
		noun = "record"
	}
	rate := float64(n) / max(took.Seconds(), 1e-3)
	return fmt.Sprintf("%s %s in %s (%s/s)", humanize.Comma(n), noun, took.Round(time.Millisecond), humanize.Comma(int64(rate)))
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
