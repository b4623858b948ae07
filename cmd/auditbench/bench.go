package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	product = "auditlog-forwarder/cmd/auditlog-forwarder"
	// askEvery is how often the group's offsets are asked for; a run ends up
	// to this much late, in which the child only idles.
	askEvery = 100 * time.Millisecond
)

// bench is one benchmark: a full topic and what is run over it.
type bench struct {
	o       options
	dir     string // for everything that is written
	self    string
	product string
	topic   filled
	admin   *kadm.Client
	ends    map[int32]int64
	say     func(format string, args ...any)
}

// runBench sets up, measures and reports.
func runBench(ctx context.Context, o options, stdout, stderr io.Writer) (err error) {
	b := &bench{o: o, say: func(format string, args ...any) {
		// Nobody can be told of a progress line that cannot be written.
		_, _ = fmt.Fprintf(stderr, "auditbench: "+format+"\n", args...)
	}}
	if b.dir, err = os.MkdirTemp("", "auditbench-"); err != nil {
		return fmt.Errorf("make a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.self, err = os.Executable(); err != nil {
		return fmt.Errorf("find auditbench's own file: %w", err)
	}
	if err := b.build(ctx); err != nil {
		return err
	}

	b.say("filling the topic with %d events", o.events)
	broker, err := startHelper(ctx, b.dir, &b.topic, brokerCommand, "--events", strconv.Itoa(o.events),
		"--partitions", strconv.Itoa(int(o.partitions)), "--compression", o.compression)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, broker.close()) }()
	client, err := kgo.NewClient(kgo.SeedBrokers(b.topic.Servers...))
	if err != nil {
		return fmt.Errorf("connect to the broker: %w", err)
	}
	defer client.Close()
	b.admin = kadm.NewClient(client)
	if err := b.findEnds(ctx); err != nil {
		return err
	}

	samples, err := b.rounds(ctx)
	if err != nil {
		return err
	}
	if err := b.profiles(ctx); err != nil {
		return err
	}
	if o.rounds == 0 {
		return nil
	}
	r := newReport(o, b.topic, samples)
	if err := r.write(stdout, o.output); err != nil {
		return err
	}
	if o.check && !r.Met {
		return errors.New("a limit is exceeded")
	}
	return nil
}

// build makes the binary that users run, in the way of `make build`.
func (b *bench) build(ctx context.Context) error {
	if b.o.binary != "" {
		path, err := filepath.Abs(b.o.binary)
		if err != nil {
			return fmt.Errorf("--binary: %w", err)
		}
		b.product = path
		return nil
	}
	b.say("building the forwarder")
	b.product = filepath.Join(b.dir, "auditlog-forwarder")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", b.product, product)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build the forwarder; run auditbench inside the repository, or give --binary: %w\n%s", err, out)
	}
	return nil
}

// findEnds notes where each partition ends, which is what must be committed.
func (b *bench) findEnds(ctx context.Context) error {
	ends, err := b.admin.ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return fmt.Errorf("ask the broker for the topic's ends: %w", err)
	}
	b.ends = map[int32]int64{}
	total := int64(0)
	ends.Each(func(o kadm.ListedOffset) {
		b.ends[o.Partition] = o.Offset
		total += o.Offset
	})
	if total != int64(b.o.events) {
		return fmt.Errorf("the topic holds %d events, %d were written", total, b.o.events)
	}
	return nil
}

// rounds measures all subjects in turn, so that a change of the machine's mood
// meets all of them.
func (b *bench) rounds(ctx context.Context) ([]sample, error) {
	var all []sample
	for round := 1; round <= b.o.rounds; round++ {
		first := len(all)
		for _, name := range b.o.subjects {
			s, _ := findSubject(name) // validate has looked
			got, err := b.run(ctx, s, fmt.Sprintf("%s-%d", name, round), "")
			if err != nil {
				return nil, fmt.Errorf("round %d, subject %s: %w", round, name, err)
			}
			got.Round = round
			b.say("round %d of %d: %s took %.2f s of CPU, %.0f events/s", round, b.o.rounds, name, got.CPU(), got.EventsPerSecond)
			all = append(all, got)
		}
		compare(all[first:])
	}
	return all, nil
}

// profiles runs the forwarders again under the profiler.
func (b *bench) profiles(ctx context.Context) error {
	if b.o.pprof == "" {
		return nil
	}
	out, err := filepath.Abs(b.o.pprof)
	if err == nil {
		err = os.MkdirAll(out, 0o755)
	}
	if err != nil {
		return fmt.Errorf("--pprof: %w", err)
	}
	for _, name := range b.o.subjects {
		s, _ := findSubject(name)
		if !s.forwards() {
			continue
		}
		if _, err := b.run(ctx, s, name+"-profile", out); err != nil {
			return fmt.Errorf("profile of %s: %w", name, err)
		}
		b.say("wrote %s.cpu.pprof and %s.heap.pprof; see go tool pprof -http=:", filepath.Join(out, name), name)
	}
	return nil
}

// run runs a subject over the whole topic, as a group of its own. With a
// folder for profiles it runs inside auditbench.
func (b *bench) run(ctx context.Context, s subject, group, profiles string) (got sample, err error) {
	ctx, cancel := context.WithTimeout(ctx, b.o.timeout)
	defer cancel()
	dir := filepath.Join(b.dir, group)
	file := filepath.Join(dir, "config.yaml")
	if err := os.Mkdir(dir, 0o755); err != nil {
		return got, fmt.Errorf("make a folder for the run: %w", err)
	}
	// Naming a file keeps a configuration of this machine out. An empty
	// variable would not switch the admin server off.
	if err := os.WriteFile(file, []byte("admin:\n  listen: \"\"\n"), 0o600); err != nil {
		return got, fmt.Errorf("write the configuration: %w", err)
	}
	var to listening
	path, name, args := b.self, program, s.arguments(b.topic.Servers, group, profiles, b.o.events)
	if s.forwards() {
		h, err := startHelper(ctx, dir, &to, receiverCommand, "--timed", strconv.Itoa(timed(b.wanted(s))))
		if err != nil {
			return got, err
		}
		defer func() { err = errors.Join(err, h.close()) }()
		if profiles == "" {
			path, name, args = b.product, filepath.Base(b.product), []string{"run"}
		}
	}
	env := s.environment(b.topic.Servers, group, to.URL, file, filepath.Join(dir, "dead-letter"))
	m, err := startMeasured(ctx, dir, path, name, args, env)
	if err != nil {
		return got, err
	}
	err = b.committed(ctx, m, group)
	if serr := m.stop(); err == nil {
		err = serr
	}
	if err != nil {
		return got, err
	}
	used, err := m.usage()
	if err != nil {
		return got, err
	}
	if own := ownPeak(); used.peak <= own {
		b.say("the peak memory of %s cannot be told: it is at most auditbench's own, %d bytes", s.name, own)
	}
	got = sample{Subject: s.name, User: used.user.Seconds(), System: used.system.Seconds(), PeakBytes: used.peak}
	return got, b.account(ctx, s, m, to.URL, &got)
}

// committed waits until the group has committed the whole topic. Only what
// Splunk has accepted is committed, so this is the end of the work.
func (b *bench) committed(ctx context.Context, m *measured, group string) error {
	tick := time.NewTicker(askEvery)
	defer tick.Stop()
	missing := "all of it"
	for {
		select {
		case <-tick.C:
		case <-m.exited:
			return fmt.Errorf("it ended before the work was done: %v%s", m.cmd.ProcessState, tail(m.stderr))
		case <-ctx.Done():
			return fmt.Errorf("wait until group %s has committed the topic, of which is missing %s: %w%s", group, missing, context.Cause(ctx), tail(m.stderr))
		}
		offsets, err := b.admin.FetchOffsets(ctx, group)
		if errors.Is(err, kerr.GroupIDNotFound) {
			continue // it has not joined yet
		}
		if err != nil {
			return fmt.Errorf("ask for the offsets of group %s: %w", group, err)
		}
		if missing = b.missing(offsets); missing == "" {
			return nil
		}
	}
}

// missing names the partitions whose end is not committed.
func (b *bench) missing(offsets kadm.OffsetResponses) string {
	var all []string
	for _, partition := range slices.Sorted(maps.Keys(b.ends)) {
		got, _ := offsets.Lookup(topic, partition) // none: nothing
		if end := b.ends[partition]; got.At < end {
			all = append(all, fmt.Sprintf("%d of %d in partition %d", end-got.At, end, partition))
		}
	}
	return strings.Join(all, ", ")
}
