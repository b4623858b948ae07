package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec"
)

// ReplayOptions say what is sent again.
type ReplayOptions struct {
	Config   config.Config
	Version  string
	Log      *zap.Logger
	Filter   deadletter.Filter
	Progress func(done, total int) // may be nil
	// Refused is told of every entry that stays; may be nil.
	Refused func(e deadletter.Entry, reply string)
}

// Replay sends dead letters to Splunk again, one at a time. What is no event
// now will not be one later: such entries stay, unless the limit that made
// them too large was raised.
func Replay(ctx context.Context, opts ReplayOptions) (deadletter.Result, error) {
	opts.Config = markedAsResend(opts.Config)
	rules, err := newFilter(opts.Config)
	if err != nil {
		return deadletter.Result{}, err
	}
	judge := rules.NewJudge()
	client, err := hec.New(opts.Config.HEC, hec.Options{
		Version: opts.Version, Log: opts.Log, Registerer: prometheus.NewRegistry(), Indexes: rules.Indexes(),
		Waiting: "nothing is lost, what was not sent stays in the dead-letter store",
	})
	if err != nil {
		return deadletter.Result{}, err
	}
	defer client.Close()
	stays := func(e deadletter.Entry, why string) {
		if opts.Refused != nil {
			opts.Refused(e, why)
		}
	}
	send := func(ctx context.Context, e deadletter.Entry) error {
		ev, err := readSendable(opts.Config, e)
		if err != nil {
			stays(e, err.Error())
			return deadletter.ErrSkip
		}
		if to, made := rules.SummaryRoute(e.Record.Value); made {
			ev.Route = to
		} else { // what was too large never came to the rules
			judge.Again(&e.Record, &ev, e.Reason != deadletter.TooLarge)
		}
		body, _, err := client.Append(nil, &e.Record, ev)
		if err != nil {
			stays(e, err.Error())
			return deadletter.ErrSkip
		}
		refused, err := client.Deliver(ctx, audit.Batch{
			Topic: e.Record.Topic, Body: body, Ends: []int{len(body)}, Values: len(e.Record.Value),
		})
		if err != nil {
			return err
		}
		if len(refused) > 0 {
			stays(e, refused[0].Reply)
			return deadletter.ErrRefusedAgain
		}
		return nil
	}
	return deadletter.Replay(ctx, opts.Config.DeadLetter.Dir, opts.Filter, send, opts.Progress)
}

// Sendable says why Replay would not send an entry; nil if it would.
func Sendable(cfg config.Config, e deadletter.Entry) error {
	_, err := readSendable(cfg, e)
	if err == nil && cfg.HEC.Formatted && e.Reason == deadletter.BadEnvelope {
		err = errors.New("it is no HEC event, and hec.formatted is still on; without it, it would be sent as an event of its own")
	}
	return err
}

func readSendable(cfg config.Config, e deadletter.Entry) (audit.Event, error) {
	ev, err := audit.ReadEvent(e.Record.Value)
	if err != nil && (!cfg.HEC.AnyText() || len(bytes.TrimSpace(e.Record.Value)) == 0) {
		return ev, err
	}
	if n := len(e.Record.Value); n > cfg.HEC.MaxEventBytes {
		return ev, fmt.Errorf("the event has %d bytes, hec.max_event_bytes is %d", n, cfg.HEC.MaxEventBytes)
	}
	return ev, nil
}
