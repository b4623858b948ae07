package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"github.com/twmb/franz-go/pkg/kfake"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/audit/auditgen"
	"auditlog-forwarder/pkg/kafka"
)

const (
	brokerCommand = "broker"
	topic         = "audit-log"
	// seed makes the events of all benchmarks the same.
	seed = 20261122
)

// filled is what the broker child tells when its topic is full.
type filled struct {
	Servers []string `json:"servers"`
	Events  int      `json:"events"`
	Bytes   int64    `json:"bytes"`
	Dropped int      `json:"dropped"` // events of droppedMethod among them
}

func newBrokerCommand() *cobra.Command {
	var (
		events      int
		partitions  int32
		compression string
	)
	cmd := &cobra.Command{
		Use:    brokerCommand,
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cluster, err := kfake.NewCluster(kfake.SeedTopics(partitions, topic))
			if err != nil {
				return fmt.Errorf("start the broker: %w", err)
			}
			defer cluster.Close()
			full, err := fill(cmd.Context(), cluster.ListenAddrs(), events, partitions, compression)
			if err != nil {
				return err
			}
			return serveUntilClosed(cmd, full)
		},
	}
	cmd.Flags().IntVar(&events, "events", 0, "")
	cmd.Flags().Int32Var(&partitions, "partitions", 1, "")
	cmd.Flags().StringVar(&compression, "compression", "none", "")
	return cmd
}

// fill writes the events, spread evenly over the partitions.
func fill(ctx context.Context, servers []string, events int, partitions int32, compression string) (full filled, err error) {
	gen, err := auditgen.New(seed)
	if err != nil {
		return full, err
	}
	cfg := kafka.DefaultConfig()
	cfg.BootstrapServers, cfg.SecurityProtocol = servers, kafka.Plaintext
	p, err := kafka.NewProducer(ctx, cfg, kafka.ProducerOptions{Compression: compression})
	if err != nil {
		return full, err
	}
	defer func() {
		written, cerr := p.Close(ctx)
		if err = errors.Join(err, cerr); err == nil && written != int64(events) {
			err = fmt.Errorf("fill the topic: %d of %d events were written", written, events)
		}
	}()
	full = filled{Servers: servers, Events: events}
	rec := audit.Record{Topic: topic}
	for n := range events {
		rec.Timestamp = time.Now()
		rec.Value = gen.Next(rec.Value[:0], rec.Timestamp)
		rec.Partition = int32(n) % partitions //nolint:gosec // only its remainder matters
		full.Bytes += int64(len(rec.Value))
		ev, err := audit.ReadEvent(rec.Value)
		if err != nil {
			return full, fmt.Errorf("read a generated event: %w", err)
		}
		if string(ev.Method) == droppedMethod {
			full.Dropped++
		}
		if err := p.Send(ctx, &rec); err != nil {
			return full, err
		}
	}
	return full, nil
}

// serveUntilClosed tells the parent that the child is ready and waits until
// the parent closes standard input, which it also does by dying.
func serveUntilClosed(cmd *cobra.Command, ready any) error {
	if err := writeJSON(cmd.OutOrStdout(), ready); err != nil {
		return err
	}
	_, err := io.Copy(io.Discard, cmd.InOrStdin())
	return err
}
