package kafkatest

import (
	"net"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// TestStartTakesOtherPortsIfOneIsTaken lets somebody else take a port between
// its choice and the broker's start, and then removes the broker.
func TestStartTakesOtherPortsIfOneIsTaken(t *testing.T) {
	t.Parallel()
	Require(t)
	inst, err := findInstallation()
	if err != nil {
		t.Fatal(err)
	}
	if err := inst.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	set, err := newSettings(options{})
	if err != nil {
		t.Fatal(err)
	}
	set.dir = t.TempDir()
	s := newServer(set, inst)
	if err := s.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.kill)
	taken := s.address(plaintext)
	var lc net.ListenConfig
	ln, err := lc.Listen(t.Context(), "tcp", taken)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close() //nolint:errcheck // nothing was accepted
	if err := s.startFirst(t.Context()); err != nil {
		t.Fatalf("start: %v\n%s", err, s.logTail())
	}
	if got := s.address(plaintext); got == taken {
		t.Errorf("the broker runs on %s, which somebody else holds", got)
	}
	broker := s.child
	if err := s.remove(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-broker.done:
	default:
		t.Error("the broker still runs after its removal")
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("folder %s is still there after its removal (%v)", s.dir, err)
	}
}

// TestPortsOfAStoppedBroker are given to no other one.
func TestPortsOfAStoppedBroker(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux can hold a port on which nobody listens")
	}
	var s settings
	if err := s.choosePorts(); err != nil {
		t.Fatal(err)
	}
	defer s.freePorts()
	for name, port := range s.ports {
		if held, err := holdPort(port); err == nil {
			_ = held.Close() // it is not ours
			t.Errorf("port %d of %s can be had twice", port, name)
		}
	}
	before := s.ports[plaintext]
	s.freePorts()
	// A child of another test holds it too between its fork and its exec.
	err := again(t.Context(), func() (struct{}, error) {
		held, err := holdPort(before)
		if err != nil {
			return struct{}{}, err
		}
		return struct{}{}, held.Close()
	})
	if err != nil {
		t.Fatalf("a port that was given back: %v", err)
	}
}

func TestNewSettingsRefusesUsersItCannotWrite(t *testing.T) {
	t.Parallel()
	for name, users := range map[string]map[string]string{
		"space in user":    {"a b": "x"},
		"empty user":       {"": "x"},
		"super user":       {superUser: "x"},
		"empty password":   {"a": ""},
		"newline":          {"a": "x\ny"},
		"not ASCII":        {"a": "ü"},
		"one of two wrong": {"a": "x", "b": ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, err := newSettings(options{users: users}); err == nil {
				t.Errorf("users %v: no error", users)
			}
		})
	}
}

func TestInstallation(t *testing.T) {
	t.Parallel()
	Require(t)
	inst, err := findInstallation()
	if err != nil {
		t.Fatal(err)
	}
	if err := inst.install(t.Context()); err != nil {
		t.Fatal(err)
	}
	if jars, err := filepath.Glob(filepath.Join(inst.dir, "kafka_2.13-*.jar")); err != nil || len(jars) != 1 {
		t.Errorf("broker's jars in %s: %v (%v), want one", inst.dir, jars, err)
	}
	if !inst.complete() {
		t.Error("not complete after the installation")
	}
	inst.text = append(inst.text, "<!-- changed -->"...)
	if inst.complete() {
		t.Error("complete although the pom.xml has changed since")
	}
}
