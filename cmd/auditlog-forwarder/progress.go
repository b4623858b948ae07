package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// showProgress draws a bar on a terminal and writes a line now and then
// elsewhere. Whatever else is written to w meanwhile goes to beside, so that it
// does not run into the bar. stop ends it; progress may not be called after
// that. kind and what tell of what it is the progress.
func showProgress(w io.Writer, kind, what string) (progress func(done, total int), beside io.Writer, stop func()) {
	f, ok := w.(interface{ Fd() uintptr })
	if ok && term.IsTerminal(int(f.Fd())) {
		b := &bar{w: w}
		return b.set, b, b.end
	}
	beside = &oneByOne{w: w}
	progress, stop = progressLines(beside, 10*time.Second, kind, what)
	return progress, beside, stop
}

// bar is a progress bar that makes way for lines.
type bar struct {
	mu sync.Mutex
	w  io.Writer
	b  *progressbar.ProgressBar // nil before the first set
}

// set draws. A bar that cannot be drawn is no reason to stop.
func (b *bar) set(done, total int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.b == nil {
		b.b = progressbar.NewOptions(total, progressbar.OptionSetWriter(b.w), progressbar.OptionShowCount(),
			progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
	}
	_ = b.b.Set(done)
}

// Write writes a line in place of the bar, which comes back with the next set.
func (b *bar) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
	return b.w.Write(p)
}

func (b *bar) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.clear()
}

// clear needs mu.
func (b *bar) clear() {
	if b.b != nil {
		_ = b.b.Clear()
	}
}

// oneByOne is a writer for several goroutines.
type oneByOne struct {
	mu sync.Mutex
	w  io.Writer
}

// Write implements io.Writer.
func (o *oneByOne) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.w.Write(p)
}

// progressLines writes a line in every interval, also while nothing moves.
func progressLines(w io.Writer, every time.Duration, kind, what string) (progress func(done, total int), stop func()) {
	var mu sync.Mutex
	done, total := 0, 0
	end, ended := make(chan struct{}), make(chan struct{}) // end is closed by stop, ended by the goroutine
	go func() {
		defer close(ended)
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				mu.Lock()
				text := fmt.Sprintf("%d of %d %s", done, total, what)
				if total == 0 {
					text = "looking for what there is to do"
				}
				mu.Unlock()
				printLines(w, kind, text)
			case <-end:
				return
			}
		}
	}()
	progress = func(d, t int) {
		mu.Lock()
		defer mu.Unlock()
		done, total = d, t
	}
	return progress, func() {
		close(end)
		<-ended
	}
}
