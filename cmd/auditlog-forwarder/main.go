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
