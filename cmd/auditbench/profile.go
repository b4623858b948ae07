package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"time"

	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

const profileCommand = "profile"

func newProfileCommand() *cobra.Command {
	var (
		out, name string
		half      int64
	)
	cmd := &cobra.Command{
		Use:    profileCommand,
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return profile(cmd.Context(), filepath.Join(out, name), half)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "")
	cmd.Flags().StringVar(&name, "name", "", "")
	cmd.Flags().Int64Var(&half, "half", 0, "")
	return cmd
}

// profile runs a forwarder, configured by its environment, under Go's
// profiler. It writes prefix.cpu.pprof about the whole run and
// prefix.heap.pprof about the moment when half of the events have been read.
func profile(ctx context.Context, prefix string, half int64) (err error) {
	loaded, err := config.Load(config.Source{Env: os.Environ()})
	if err != nil {
		return err
	}
	log, err := zap.NewProduction()
	if err != nil {
		return err
	}
	a, err := app.New(ctx, app.Options{Config: loaded.Config, Version: "profile", Log: log})
	if err != nil {
		return err
	}
	cpu, err := os.Create(prefix + ".cpu.pprof")
	if err != nil {
		return fmt.Errorf("write the CPU profile: %w", err)
	}
	defer func() { err = errors.Join(err, cpu.Close()) }()
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return fmt.Errorf("start the CPU profile: %w", err)
	}
	defer pprof.StopCPUProfile()

	watching, stop := context.WithCancel(ctx)
	heap := make(chan error, 1)
	go func() { heap <- heapAt(watching, a, half, prefix+".heap.pprof") }()
	err = a.Run(ctx)
	stop()
	return errors.Join(err, <-heap)
}

// heapAt writes the heap profile when a has read so many events.
func heapAt(ctx context.Context, a *app.App, events int64, path string) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for a.Totals().Read < events {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("write the heap profile: the run ended before %d events were read", events)
		}
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("write the heap profile: %w", err)
	}
	runtime.GC() // the profile is as of the last collection
	if err := pprof.WriteHeapProfile(f); err != nil {
		return errors.Join(fmt.Errorf("write the heap profile: %w", err), f.Close())
	}
	return f.Close()
}
