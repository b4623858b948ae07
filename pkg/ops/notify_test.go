package ops

import (
	"context"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// manager listens where a service manager would and sets NOTIFY_SOCKET.
func manager(t *testing.T) *net.UnixConn {
	t.Helper()
	path := filepath.Join(t.TempDir(), "notify")
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Setenv("NOTIFY_SOCKET", path)
	return conn
}

// messages reads what came up to and with the message last, which is there.
func messages(t *testing.T, conn *net.UnixConn, last string) []string {
	t.Helper()
	var got []string
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, string(buf[:n])); got[len(got)-1] == last {
			return got
		}
	}
}

func TestSystemd(t *testing.T) {
	conn := manager(t)
	core, logs := observer.New(zap.WarnLevel)
	s := NewSystemd(zap.New(core))
	s.Ready()
	s.Status("17 events\nREADY=1")
	s.Stopping()
	want := []string{"READY=1", "STATUS=17 events READY=1", "STOPPING=1"}
	if diff := cmp.Diff(want, messages(t, conn, "STOPPING=1")); diff != "" {
		t.Error(diff)
	}
	if logs.Len() != 0 {
		t.Errorf("log: %v", logs.All())
	}

	t.Setenv("NOTIFY_SOCKET", filepath.Join(t.TempDir(), "gone"))
	s.Ready()
	if logs.Len() != 1 {
		t.Errorf("a socket that is gone gave %d warnings, want 1", logs.Len())
	}
}

func TestSystemdWithoutManager(t *testing.T) {
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC"} {
		t.Setenv(name, "") // so that it is put back
		if err := os.Unsetenv(name); err != nil {
			t.Fatal(err)
		}
	}
	core, logs := observer.New(zap.DebugLevel)
	s := NewSystemd(zap.New(core))
	s.Ready()
	s.Status("x")
	s.Stopping()
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if err := s.RunWatchdog(ctx, func() bool { t.Error("asked for life"); return true }); err != nil {
		t.Error(err)
	}
	if logs.Len() != 0 {
		t.Errorf("log: %v", logs.All())
	}
}

func TestWatchdog(t *testing.T) {
	conn := manager(t)
	t.Setenv("WATCHDOG_USEC", "10000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	core, logs := observer.New(zap.ErrorLevel)
	s := NewSystemd(zap.New(core))
	var alive atomic.Bool
	alive.Store(true)
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.RunWatchdog(ctx, alive.Load) }()
		pass := func(d time.Duration) { <-time.After(d); synctest.Wait() }

		pass(11 * time.Second) // at 0, 5 and 10 s
		alive.Store(false)
		s.Status("stuck")
		pass(time.Hour)
		alive.Store(true)
		s.Status("well")
		pass(5 * time.Second)
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
		s.Stopping()
	})
	want := []string{"WATCHDOG=1", "WATCHDOG=1", "WATCHDOG=1", "STATUS=stuck", "STATUS=well", "WATCHDOG=1", "STOPPING=1"}
	if diff := cmp.Diff(want, messages(t, conn, "STOPPING=1")); diff != "" {
		t.Error(diff)
	}
	if logs.Len() != 1 {
		t.Errorf("%d errors for one standstill: %v", logs.Len(), logs.All())
	}
}

func TestWatchdogBadEnvironment(t *testing.T) {
	t.Setenv("WATCHDOG_USEC", "soon")
	if err := NewSystemd(zap.NewNop()).RunWatchdog(t.Context(), func() bool { return true }); err == nil {
		t.Error("WATCHDOG_USEC=soon was taken")
	}
}
