package kafkatest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"testing"
	"time"

	"auditlog-forwarder/testdata/leak"
)

// parentEnv makes the test binary a mere parent of a child process; see
// TestChildDiesWithItsParent.
const parentEnv = "KAFKATEST_PARENT"

func TestMain(m *testing.M) {
	if os.Getenv(parentEnv) != "" {
		os.Exit(beParent())
	}
	leak.VerifyTestMain(M{M: m})
}

// beParent starts a child that inherits standard output, says so there, and
// waits to be killed.
func beParent() int {
	c, err := startChild(context.Background(), os.Stdout, "sleep", "600")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("started")
	<-c.done
	return 0
}

// TestChildDiesWithItsParent kills a parent and watches the pipe that parent
// and child write to: it ends only when both are gone.
func TestChildDiesWithItsParent(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can tie a child's life to its parent's")
	}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close() //nolint:errcheck // read to its end
	parent := exec.CommandContext(t.Context(), os.Args[0])
	parent.Env = append(os.Environ(), parentEnv+"=1")
	parent.Stdout = w
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(5 * time.Minute)); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(r)
	line, err := lines.ReadString('\n')
	if line != "started\n" {
		t.Errorf("parent says %q (%v)", line, err)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, lines); err != nil {
		t.Errorf("the child outlived its parent: %v", err)
	}
	_ = parent.Wait() // was killed
}

func TestStopReportsAChildThatHadEnded(t *testing.T) {
	t.Parallel()
	c, err := startChild(t.Context(), io.Discard, "true")
	if err != nil {
		t.Fatal(err)
	}
	<-c.done
	if err := c.stop(); err == nil {
		t.Error("stop of a child that had ended by itself: no error")
	}
}

func TestStartChildNamesAMissingProgram(t *testing.T) {
	t.Parallel()
	if _, err := startChild(t.Context(), io.Discard, "no-such-program-here"); err == nil {
		t.Error("start of a missing program: no error")
	}
}
