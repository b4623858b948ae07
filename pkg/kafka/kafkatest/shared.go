package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// BootstrapEnv names the environment variable with the bootstrap servers, split
// by commas, of a broker that Shared uses instead of starting one.
const BootstrapEnv = "KAFKA_BOOTSTRAP"

// errNoRun is why Shared refuses to start a broker that nobody would stop.
var errNoRun = errors.New("kafkatest.Shared needs kafkatest.Run or kafkatest.M in TestMain, which stops the broker after the last test")

// running holds the shared broker between Run and its tests. A variable of the
// package is the only way: testing gives TestMain nothing to hand to a test.
// Run alone sets it, and clears it before it returns.
var running atomic.Pointer[shared]

// shared is the one broker of the test binary, started by the first test that
// asks for it.
type shared struct {
	once sync.Once
	srv  *server
	err  error
}

func (s *shared) start(ctx context.Context) (*server, error) {
	s.once.Do(func() { s.srv, s.err = startServer(ctx, options{}) })
	return s.srv, s.err
}

// Runner is what Run runs; *testing.M is one.
type Runner interface{ Run() int }

// Run runs the tests, then stops the broker of Shared if one was started, and
// returns the exit code:
//
//	func TestMain(m *testing.M) { os.Exit(kafkatest.Run(m)) }
func Run(m Runner) int {
	s := &shared{}
	if !running.CompareAndSwap(nil, s) {
		fmt.Fprintln(os.Stderr, "kafkatest.Run: called twice")
		return 1
	}
	code := m.Run()
	running.Store(nil)
	if s.srv == nil {
		return code
	}
	if err := s.srv.remove(); err != nil {
		fmt.Fprintf(os.Stderr, "stop the shared Kafka: %v\n", err)
		return max(code, 1)
	}
	return code
}

// M is Run for those who take a *testing.M themselves:
//
//	func TestMain(m *testing.M) { goleak.VerifyTestMain(kafkatest.M{M: m}) }
type M struct{ *testing.M }

// Run runs the tests, then stops the broker of Shared if one was started.
func (m M) Run() int { return Run(m.M) }

// Shared returns the plaintext broker that all tests of this test binary use,
// starting it for the first of them; or the broker that BootstrapEnv names.
// Take topics and groups from Name, so that tests do not meet.
func Shared(tb testing.TB) *Broker {
	tb.Helper()
	if env := os.Getenv(BootstrapEnv); env != "" {
		return &Broker{tb: tb, ext: strings.Split(env, ",")}
	}
	Require(tb)
	s := running.Load()
	if s == nil {
		tb.Fatal(errNoRun)
	}
	// The broker outlives this test, so the test's end must not stop its start.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), startTimeout)
	defer cancel()
	srv, err := s.start(ctx)
	if err != nil {
		tb.Fatalf("start the shared Kafka: %v", err)
	}
	b := &Broker{tb: tb, srv: srv}
	tb.Cleanup(b.logOnFailure)
	return b
}
