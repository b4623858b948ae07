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
// elsewhere. stop ends it; progress may not be called after that. kind
// and what tell of what it is the progress.
func showProgress(w io.Writer, kind, what string) (progress func(done, total int), stop func()) {
	f, ok := w.(interface{ Fd() uintptr })
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return progressLines(w, 10*time.Second, kind, what)
	}
	var bar *progressbar.ProgressBar
	return func(done, total int) {
		if bar == nil {
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(w), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())
		}
		_ = bar.Set(done) // a bar that cannot be drawn is no reason to stop
	}, func() {}
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
					text = "the beginning is under way"
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
