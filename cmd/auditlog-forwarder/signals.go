package main

import (
	"context"
	"os"
	"sync"
	"time"
)

// signalError is the cause with which a signal ends the context.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return e.signal.String() + " signal" }

// echo is how soon after the first a signal counts as the same: timeout(1), and
// others that start programs, send theirs to the process and then to its group.
const echo = 200 * time.Millisecond

// stopOnSignal returns a context that the first signal ends. The second one
// calls force. stop ends the context and the goroutine that waits.
func stopOnSignal(parent context.Context, signals <-chan os.Signal, force func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{}) // closed by stop
	go func() {
		var first time.Time
		for {
			select {
			case s := <-signals:
				switch {
				case first.IsZero():
					first = time.Now()
					cancel(signalError{s})
				case time.Since(first) >= echo:
					force()
					return
				}
			case <-done:
				return
			}
		}
	}()
	return ctx, func() {
		close(done)
		cancel(nil)
	}
}

// onHangup calls do for every signal that comes, until stop is called.
func onHangup(signals <-chan os.Signal, do func()) (stop func()) {
	done := make(chan struct{}) // closed by stop
	var waiting sync.WaitGroup
	waiting.Go(func() {
		for {
			select {
			case <-signals:
				do()
			case <-done:
				return
			}
		}
	})
	return func() {
		close(done)
		waiting.Wait()
	}
}
