// Command auditbench measures the whole forwarder as its user runs it: CPU
// seconds and peak memory of the one process, and events per second.
//
// The broker and the HEC receiver are processes of their own, so that their
// work is not counted; auditbench starts itself for that (see newCommand). A
// consumer that only counts bytes is measured in the same round, since ratios
// hold on a noisy machine where seconds do not.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // also when --check finds a limit exceeded
	exitUsage  = 2
)

func main() { os.Exit(run()) }

func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After the first signal the second one ends the process at once.
	context.AfterFunc(ctx, stop)

	err := newCommand().ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintln(os.Stderr, "auditbench:", err)
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, "Run 'auditbench --help' for the flags and examples.")
		return exitUsage
	}
	return exitFailed
}
