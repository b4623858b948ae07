package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// stopTimeout is how long a broker may take to stop before it is killed. It is
// wide, since a busy machine is no fault of the broker's.
const stopTimeout = 2 * time.Minute

// child is a broker process. done is closed by its waiting goroutine when the
// process has ended.
type child struct {
	proc *os.Process
	done chan struct{}
}

// startChild starts the command, with its output going to out.
func startChild(ctx context.Context, out io.Writer, name string, args ...string) (*child, error) {
	// The broker outlives the call that starts it, so that call's context must
	// not end it.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), name, args...)
	cmd.Stdout, cmd.Stderr = out, out
	cmd.SysProcAttr = childAttr()
	c := &child{done: make(chan struct{})}
	started := make(chan error, 1)
	go func() {
		defer close(c.done)
		runtime.LockOSThread() // see childAttr
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		c.proc = cmd.Process
		started <- err
		if err == nil {
			_ = cmd.Wait() // how it ended is in its log
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	return c, nil
}

// stop asks the process to end and waits; it kills the process if that takes
// longer than stopTimeout, and says so. A process that had ended by itself is
// an error too.
func (c *child) stop() error {
	if c.ended() {
		return errEnded
	}
	if err := c.proc.Signal(syscall.SIGTERM); err != nil {
		c.kill() // has ended already, or cannot be asked on this system
		return nil
	}
	bound := time.NewTimer(stopTimeout)
	defer bound.Stop()
	select {
	case <-c.done:
		return nil
	case <-bound.C:
		c.kill()
		return fmt.Errorf("the broker did not stop within %s of SIGTERM and was killed", stopTimeout)
	}
}

// errEnded is what befell a process that nobody has ended.
var errEnded = errors.New("the broker had ended by itself; its log says why")

func (c *child) ended() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// discard kills the process, also one that is frozen. Nothing that it would
// still write is of use to anybody. One that had ended by itself is an error.
func (c *child) discard() error {
	if c.ended() {
		return errEnded
	}
	c.kill()
	return nil
}

// kill ends the process at once and waits until it is gone.
func (c *child) kill() {
	_ = c.proc.Kill() // fails only if it has ended
	<-c.done
}

// runTool runs a short-lived command and returns what it printed.
func runTool(ctx context.Context, name string, args ...string) ([]byte, error) {
	runtime.LockOSThread() // see childAttr
	defer runtime.UnlockOSThread()
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = childAttr()
	cmd.WaitDelay = time.Second
	out, err := cmd.CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("run %s: %w", name, err)
	}
	return out, nil
}
