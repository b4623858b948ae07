// Command auditdemo shows what the forwarder does, in one process and over
// real TCP: a Kafka broker that keeps receiving audit events, a Splunk HEC
// receiver, and between them the forwarder as it is. It takes Splunk away and
// gives it back, and in the end accounts for every record by its offset.
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
	exitFailed = 1
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
	var usage *usageError
	if errors.As(err, &usage) {
		fmt.Fprintln(os.Stderr, "auditdemo:", err)
		fmt.Fprintln(os.Stderr, "Run 'auditdemo --help' for the flags.")
		return exitUsage
	}
	if !errors.Is(err, errIncomplete) { // the verdict is already on the screen
		fmt.Fprintln(os.Stderr, "auditdemo:", err)
	}
	return exitFailed
}
