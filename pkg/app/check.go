package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
)

// Step is one thing that Check has tried.
type Step struct {
	Name  string `json:"name"`
	OK    bool   `json:"ok"`
	Found string `json:"found,omitempty"` // what is there, or what is wrong
	Fix   string `json:"fix,omitempty"`   // what to do about it
}

// Check tries everything that forwarding needs, without forwarding, joining
// the group or indexing anything.
func Check(ctx context.Context, cfg config.Config, version string) []Step {
	var steps []Step
	report := func(name, found string, err error) {
		if err == nil {
			steps = append(steps, Step{Name: name, OK: true, Found: found})
			return
		}
		// Our errors say what is wrong, then, behind a semicolon, what to do.
		what, fix, _ := strings.Cut(err.Error(), "; ")
		steps = append(steps, Step{Name: name, Found: what, Fix: fix})
	}
	report("configuration", "valid", nil)
	report(checkDeadLetters(cfg.DeadLetter))
	kafka.Check(ctx, cfg.Kafka, report)

	client, err := hec.New(cfg.HEC, hec.Options{Version: version, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		report("splunk", "", err)
		return steps
	}
	defer client.Close()
	client.Check(ctx, report)
	return steps
}

// checkDeadLetters opens the store as run would. One that a forwarder holds
// is as good as one that opens.
func checkDeadLetters(cfg deadletter.Config) (name, found string, err error) {
	name = "dead-letter folder"
	_, statErr := os.Stat(cfg.Dir)
	store, err := deadletter.Open(cfg, zap.NewNop())
	if errors.Is(err, deadletter.ErrInUse) {
		return name, fmt.Sprintf("%s: in use by a running forwarder", cfg.Dir), nil
	}
	if err != nil {
		if !strings.Contains(err.Error(), "; ") {
			err = fmt.Errorf("%w; give dead_letter.dir a folder that this user may write", err)
		}
		return name, "", err
	}
	found = cfg.Dir + ": can be written"
	if os.IsNotExist(statErr) {
		found += " (it was created)"
	}
	return name, found, store.Close()
}
