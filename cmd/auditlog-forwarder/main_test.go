package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){program: main})
}

// TestScripts runs testdata/*.txtar, which specify the command line.
func TestScripts(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each command is a process of its own; make test runs them")
	}
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"exits": exits},
	})
}

// exits runs a program and compares its exit code: exits CODE PROGRAM ARG...
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	got := 0
	switch {
	case errors.As(err, &exit):
		got = exit.ExitCode()
	case err != nil:
		ts.Fatalf("run %v: %v", args[1:], err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d\nstderr: %s", got, want, ts.ReadFile("stderr"))
	}
}

func TestStopOnSignal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals := make(chan os.Signal, 2)
		forced := false
		ctx, stop := stopOnSignal(t.Context(), signals, func() { forced = true })
		synctest.Wait()
		if ctx.Err() != nil {
			t.Fatal("the context has ended before any signal")
		}
		signals <- syscall.SIGTERM
		synctest.Wait()
		if want := (signalError{syscall.SIGTERM}); !errors.Is(context.Cause(ctx), want) || forced {
			t.Fatalf("after the first signal: cause %v, forced %t", context.Cause(ctx), forced)
		}
		signals <- syscall.SIGTERM // as timeout(1) does it
		<-time.After(echo)
		synctest.Wait()
		if forced {
			t.Fatal("the echo of the first signal forces the end")
		}
		signals <- syscall.SIGINT
		synctest.Wait()
		if !forced {
			t.Fatal("the second signal does not force the end")
		}
		stop()
	})
}

func TestStopOnSignalWithoutOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := stopOnSignal(t.Context(), make(chan os.Signal), func() { t.Error("forced") })
		stop()
		if !errors.Is(context.Cause(ctx), context.Canceled) {
			t.Errorf("cause %v, want context.Canceled", context.Cause(ctx))
		}
	}) // synctest fails if the goroutine is still there
}

func TestOnHangup(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		signals, done := make(chan os.Signal, 1), 0
		stop := onHangup(signals, func() { done++ })
		for range 3 {
			signals <- syscall.SIGHUP
			synctest.Wait()
		}
		stop()
		signals <- syscall.SIGHUP
		synctest.Wait()
		if done != 3 {
			t.Errorf("called %d times, want 3: once for each signal before the stop", done)
		}
	}) // synctest fails if the goroutine is still there
}

func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 1},
		{usageError(errors.New("x"), ""), 2},
		{&exitError{code: exitConfig, err: errors.New("x")}, 3},
		{errors.Join(&exitError{code: exitCheck, err: errors.New("x")}, errors.New("y")), 4},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%v: got %d, want %d", tt.err, got, tt.want)
		}
	}
}
