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

// stopTimeout is how long a broker may take to stop before it is killed.
const stopTimeout = 20 * time.Second

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
	select {
	case <-c.done:
		return errors.New("the broker had ended by itself; its log says why")
	default:
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
