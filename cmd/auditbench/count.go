package main

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/kafka"
)

const (
	countCommand = "count"
	// markEvery is about as many records as the forwarder puts into a batch.
	markEvery = 300
)

// counted is what the baseline tells at its end.
type counted struct {
	Records int       `json:"records"`
	Bytes   int64     `json:"bytes"`
	First   time.Time `json:"first"` // when the first record came
	Timed   time.Time `json:"timed"` // when as many had come as are timed
}

func newCountCommand() *cobra.Command {
	var c counter
	cfg := kafka.DefaultConfig()
	cmd := &cobra.Command{
		Use:    countCommand,
		Hidden: true,
		Args:   noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			log, err := zap.NewProduction()
			if err != nil {
				return err
			}
			cfg.Topics, cfg.SecurityProtocol = []string{topic}, kafka.Plaintext
			group, err := kafka.NewGroup(cfg, kafka.Options{Drain: time.Second, Log: log, Registerer: prometheus.NewRegistry()})
			if err != nil {
				return err
			}
			if err := group.Run(cmd.Context(), c.count); err != nil {
				return err
			}
			return writeJSON(cmd.OutOrStdout(), c.total)
		},
	}
	cmd.Flags().StringSliceVar(&cfg.BootstrapServers, "bootstrap-servers", nil, "")
	cmd.Flags().StringVar(&cfg.GroupID, "group", "", "")
	cmd.Flags().IntVar(&c.timed, "timed", 0, "")
	return cmd
}

// counter adds up what the claims have read.
type counter struct {
	timed int // records after which the clock stops

	mu    sync.Mutex
	total counted
}

// count reads one partition until it is lost. Like the forwarder's lane it
// settles its account and marks now and then, and takes what lies ready
// without a full select.
func (c *counter) count(ctx context.Context, claim *kafka.Claim) error {
	var (
		rec  audit.Record
		part counted // since the last mark
		next int64
	)
	mark := func() {
		if part.Records > 0 {
			claim.Mark(next, "", nil)
			c.add(part)
			part = counted{}
		}
	}
	for {
		select {
		case m, ok := <-claim.Messages():
			if !ok {
				mark()
				return nil
			}
			claim.Read(m, &rec)
		default:
			mark() // nothing lies ready
			select {
			case m, ok := <-claim.Messages():
				if !ok {
					return nil
				}
				claim.Read(m, &rec)
			case <-ctx.Done():
				return nil
			}
		}
		if part.Records == 0 {
			part.First = time.Now()
		}
		part.Records++
		part.Bytes += int64(len(rec.Value))
		next = rec.Offset + 1
		if part.Records >= markEvery {
			mark()
		}
	}
}

// add adds what a claim has read since it last did.
func (c *counter) add(part counted) {
	now := time.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total.Records == 0 || part.First.Before(c.total.First) {
		c.total.First = part.First
	}
	c.total.Records += part.Records
	c.total.Bytes += part.Bytes
	if c.total.Timed.IsZero() && c.total.Records >= c.timed {
		c.total.Timed = now
	}
}
