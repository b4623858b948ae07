// Command auditlog-forwarder consumes Confluent Cloud audit events from Kafka
// and posts them to Splunk's HTTP Event Collector.
//
// This package holds flags, signals, messages and exit codes; all work is
// done below pkg.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
)

// version is set by the linker: -ldflags "-X main.version=v1.2.3". Without
// that it comes from the build information.
var version string

func main() {
	signals := make(chan os.Signal, 2) // room for both signals that matter
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	ctx, stop := stopOnSignal(context.Background(), signals, func() {
		fmt.Fprintf(os.Stderr, "%s: stopped at once by a second signal\n", program)
		os.Exit(exitForced)
	})
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run executes one command line and returns the exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRoot(readBuild(version)) //nolint:contextcheck // the commands get ctx from ExecuteContext
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	printError(stderr, err)
	return exitCode(err)
}

// signalError is the cause with which a signal ends the context.
type signalError struct{ signal os.Signal }

func (e signalError) Error() string { return e.signal.String() + " signal" }

// stopOnSignal returns a context that the first signal ends. The second one
// calls force. stop ends the context and the goroutine that waits.
func stopOnSignal(parent context.Context, signals <-chan os.Signal, force func()) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(parent)
	done := make(chan struct{}) // closed by stop
	go func() {
		for seen := 0; ; seen++ {
			select {
			case s := <-signals:
				if seen > 0 {
					force()
					return
				}
				cancel(signalError{s})
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
