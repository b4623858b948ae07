package ops

import (
	"context"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"go.uber.org/zap"
)

// Systemd tells the service manager how the service is doing (Type=notify).
// Everything is a no-op where there is no NOTIFY_SOCKET. A message that
// cannot be sent is logged and not an error: the service itself is well.
type Systemd struct{ log *zap.Logger }

// NewSystemd returns a Systemd that logs to log.
func NewSystemd(log *zap.Logger) *Systemd { return &Systemd{log: log} }

// Ready says that the start is complete.
func (s *Systemd) Ready() { s.send(daemon.SdNotifyReady) }

// Stopping says that the stop has begun.
func (s *Systemd) Stopping() { s.send(daemon.SdNotifyStopping) }

// Status sets the line that `systemctl status` shows. A line break would
// begin a new assignment and is made a space.
func (s *Systemd) Status(text string) { s.send("STATUS=" + oneLine(text)) }

// RunWatchdog pings the watchdog at half of its interval while alive returns
// true, until ctx ends. Once it returns false for the whole interval, systemd
// kills and restarts the service; that is the watchdog's purpose.
func (s *Systemd) RunWatchdog(ctx context.Context, alive func() bool) error {
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		return fmt.Errorf("read WATCHDOG_USEC as systemd sets it: %w", err)
	}
	if interval/2 <= 0 {
		<-ctx.Done()
		return nil
	}
	tick := time.NewTicker(interval / 2)
	defer tick.Stop()
	ok := true
	for {
		was := ok
		if ok = alive(); ok {
			s.send(daemon.SdNotifyWatchdog)
		} else if was {
			s.log.Error("no progress; the watchdog is not pinged and systemd will restart the service", zap.Duration("within", interval))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

func (s *Systemd) send(state string) {
	if _, err := daemon.SdNotify(false, state); err != nil {
		s.log.Warn("systemd could not be notified", zap.String("message", state), zap.Error(err))
	}
}
