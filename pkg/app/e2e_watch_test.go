package app_test

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/dustin/go-humanize"
)

// peak returns the most memory that the process has had, and the highest bound
// that it gave for an assignment. The kernel tells the former only on Linux.
func (p *process) peak() (rss, bound uint64) {
	p.t.Helper()
	for _, line := range p.logged("memory bound of this assignment") {
		text, _ := line["bound"].(string)
		n, err := humanize.ParseBytes(text)
		if err != nil {
			p.t.Errorf("%s: bound %q: %v", p.name, text, err)
		}
		bound = max(bound, n)
	}
	if runtime.GOOS != "linux" {
		return 0, bound
	}
	// Not rusage: its maximum counts what the parent had before exec.
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		p.t.Error(err)
		return 0, bound
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	kib, err := strconv.ParseUint(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		p.t.Error(err)
	}
	return kib << 10, bound
}

// checkMemory holds the process to the bound that it gave.
func (p *process) checkMemory() {
	p.t.Helper()
	rss, bound := p.peak()
	p.t.Logf("%s: peak memory %s, bound %s", p.name, humanize.IBytes(rss), humanize.IBytes(bound))
	if bound == 0 || rss > bound {
		p.t.Errorf("%s: peak memory %s is over the bound %s that it gave", p.name, humanize.IBytes(rss), humanize.IBytes(bound))
	}
}

// eventually waits until cond says "", which otherwise says what is missing.
func eventually(t *testing.T, what string, cond func() (missing string)) {
	t.Helper()
	guard, tick := time.After(patience), time.NewTicker(50*time.Millisecond)
	defer tick.Stop()
	for {
		missing := cond()
		if missing == "" {
			return
		}
		select {
		case <-tick.C:
		case <-guard:
			t.Fatalf("waited in vain for %s: %s", what, missing)
		}
	}
}

// notReady waits until /readyz says no, for a reason that holds all of texts.
func (p *process) notReady(texts ...string) {
	p.t.Helper()
	eventually(p.t, "/readyz to say why it is not ready", func() string {
		status, body, err := p.get("/readyz")
		if err != nil {
			return err.Error()
		}
		for _, text := range texts {
			if status != 503 || !strings.Contains(body, text) {
				return body
			}
		}
		return ""
	})
}

// ready waits until /readyz says yes.
func (p *process) ready() {
	p.t.Helper()
	eventually(p.t, "/readyz to say yes", func() string {
		status, body, err := p.get("/readyz")
		if err != nil {
			return err.Error()
		}
		if status != 200 {
			return body
		}
		return ""
	})
}
