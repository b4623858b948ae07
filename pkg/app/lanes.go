package app

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"auditlog-forwarder/pkg/forwarder"
)

// laneWatch looks every ten seconds whether the lanes turn.
type laneWatch struct {
	stuck atomic.Bool // what was seen last
}

// alive says whether the lanes turn; for the watchdog and /healthz.
func (w *laneWatch) alive() bool { return !w.stuck.Load() }

func (w *laneWatch) run(ctx context.Context, f *forwarder.Forwarder, log *zap.Logger) {
	tick := time.NewTicker(10 * time.Second)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		stuck := f.Stuck(ctx, 5*time.Second)
		if ctx.Err() != nil {
			return
		}
		if was := w.stuck.Swap(len(stuck) > 0); !was && len(stuck) > 0 {
			log.Error("partitions do not turn: a disk hangs, or this program has a mistake; /healthz fails and systemd's watchdog is not answered", zap.Strings("partitions", stuck))
		} else if was && len(stuck) == 0 {
			log.Info("all partitions turn again")
		}
	}
}
