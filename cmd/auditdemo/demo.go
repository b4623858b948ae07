package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
)

// demo plays all phases and returns the account. When ctx ends, it goes on
// with the end: what was produced is delivered and accounted for.
func demo(ctx context.Context, o options, out *screen) (acc *account, err error) {
	s, err := build(ctx, o, out)
	if err != nil {
		return nil, err
	}
	defer func() {
		keep := o.keep || err != nil || acc.err() != nil
		err = errors.Join(err, s.close(ctx, keep))
		if keep {
			out.say("Kept in %s: forwarder.log and dead-letter; to list the latter: auditlog-forwarder deadletter list --dead-letter.dir %s",
				s.dir, s.cfg.DeadLetter.Dir)
		}
	}()
	s.introduce()
	for _, phase := range []func(context.Context) error{s.start, s.normal, s.look, s.outage, s.recovery} {
		if err := phase(ctx); err == nil {
			continue
		} else if ctx.Err() == nil {
			return nil, fmt.Errorf("%w; see %s", err, s.log.Name())
		}
		out.styled(yellow, "Interrupted. Nothing more is produced; what is there will be delivered and accounted for.")
		break
	}
	// The end has its own bound.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*patience)
	defer cancel()
	if err := s.stop(ctx); err != nil {
		return nil, fmt.Errorf("%w; see %s", err, s.log.Name())
	}
	return s.account(ctx)
}

func (s *stage) introduce() {
	s.out.lines(s.out.paint(bold, "auditlog-forwarder: a demonstration in one process, over TCP on 127.0.0.1"))
	fate := "removed at the end; --keep keeps it"
	if s.o.keep {
		fate = "kept"
	}
	for _, l := range [][2]string{
		{"Kafka", fmt.Sprintf("%s, topic %s, %d partitions", s.cfg.Kafka.BootstrapServers[0], topic, partitions)},
		{"Splunk", s.cfg.HEC.URLs[0] + ", an HTTP Event Collector, index " + index},
		{"forwarder", fmt.Sprintf("status page http://%s/", s.pipeline.AdminAddr())},
		{"settings", fmt.Sprintf("the defaults, but batch.linger %s, hec.backoff_max %s, filter.drop_methods %s",
			s.cfg.Batch.Linger, s.cfg.HEC.BackoffMax, noisyMethod)},
		{"files", fmt.Sprintf("%s (log and dead letters; %s)", s.dir, fate)},
		{"seed", fmt.Sprint(s.o.seed)},
	} {
		s.out.labelled(fmt.Sprintf("%-10s", l[0]), l[1])
	}
}

func (s *stage) start(ctx context.Context) error {
	s.out.title("0  Start")
	s.header()
	if err := s.watch(ctx, "the forwarder to be ready", func(now sample) bool { return now.reason == "" }); err != nil {
		return err
	}
	var err error
	s.producer, err = startProducer(ctx, s.cfg.Kafka.BootstrapServers[0], s.o, s.ledger, s.poison, func() int { return s.sample().settled })
	return err
}

func (s *stage) normal(ctx context.Context) error {
	s.out.title(fmt.Sprintf("1  Normal flow: %s audit events a second", comma(s.o.rate)))
	s.header()
	over := lasting(s.o.share(0.5))
	return s.watch(ctx, "events to arrive", func(now sample) bool { return over(now) && now.accepted > 0 && now.filtered > 0 })
}

func (s *stage) look(ctx context.Context) error {
	s.out.title("2  What has become of the records")
	s.out.say("Three accepted events, as Splunk holds them. The body is the record's value, byte for byte; here its longest members are left out.")
	for _, e := range s.splunk.examples(3) {
		s.out.event(e)
	}
	s.out.lines("")
	s.out.say("filter.drop_methods has left out %s of %s so far. From now on about seven records a second are bad: text, "+
		"half an event, nothing, an array, a number, and events that Splunk refuses by their number in the request.",
		counted(s.sample().filtered, noisyMethod+" event"), comma(s.sample().produced))
	s.header()
	s.producer.spoilt.Store(true)
	over := lasting(s.o.share(0.25))
	var letters []deadletter.Entry
	err := s.watch(ctx, "dead letters", func(now sample) bool {
		if !over(now) || now.dead < 5 {
			return false
		}
		var scanErr error
		letters, scanErr = s.letters()
		return scanErr == nil && has(letters, deadletter.Refused) && has(letters, deadletter.NotJSON)
	})
	if err != nil {
		return err
	}
	s.out.say("They are dead letters: on disk before their offset is committed, in %s; `auditlog-forwarder deadletter` lists "+
		"and replays them. Everything around them was accepted. Some of the %d:", s.cfg.DeadLetter.Dir, len(letters))
	s.out.letters(letters, 6)
	return nil
}

func has(letters []deadletter.Entry, reason deadletter.Reason) bool {
	for _, e := range letters {
		if e.Reason == reason {
			return true
		}
	}
	return false
}

func (s *stage) outage(ctx context.Context) error {
	s.out.title(fmt.Sprintf("3  Splunk is away for %s", s.o.outage))
	s.out.say("It takes one more request, but the answer is lost; then its port is closed. The forwarder cannot know what was taken " +
		"and must send that request again: at least once means a duplicate rather than a gap.")
	s.header()
	s.splunk.server.Script(hectest.Reset().Took())
	if err := s.watch(ctx, "a request", func(sample) bool { return s.splunk.server.Scripted() == 0 }); err != nil {
		return err
	}
	s.splunk.server.Pause()
	s.away = true
	over := lasting(s.o.outage)
	reason := ""
	err := s.watch(ctx, "the forwarder to notice", func(now sample) bool {
		if now.reason != "" && reason == "" {
			reason = now.reason
			s.out.styled(yellow, "Not ready: "+reason)
		}
		return over(now) && reason != ""
	})
	if err != nil {
		return err
	}
	held := s.pipeline.Totals().Unsettled
	inFlight, err := s.pipeline.gauge("auditlog_forwarder_in_flight_bytes")
	if err != nil {
		return err
	}
	bound := partitions * s.cfg.Batch.MemoryPerLane(largest)
	s.out.say("Memory stays bounded: %s records are held, %s of them in requests; the batches of %d partitions never take more than %s. "+
		"The rest waits in Kafka, not committed.", comma(held), humanize.IBytes(uint64(inFlight)), partitions, humanize.IBytes(uint64(bound)))
	return nil
}

// largest is more than any generated event has.
const largest = 4 << 10

func (s *stage) recovery(ctx context.Context) error {
	before := s.sample()
	s.out.title(fmt.Sprintf("4  Splunk is back; %s records wait, and more keep coming", comma(before.produced-before.settled)))
	//nolint:contextcheck // the receiver listens until it is closed
	if err := s.resume(); err != nil {
		return err
	}
	s.header()
	back := time.Now()
	told := false
	over := lasting(s.o.share(0.25))
	return s.watch(ctx, "the backlog to be settled", func(now sample) bool {
		if !told && now.reason == "" && now.settled >= before.produced {
			told = true
			took := now.at.Sub(back)
			s.out.styled(green, fmt.Sprintf("The backlog was settled %.1f s after Splunk was back: %s events a second, retry's back-off included.",
				took.Seconds(), comma(int(float64(now.settled-before.settled)/took.Seconds()))))
		}
		return told && over(now)
	})
}

func (s *stage) resume() error {
	if !s.away {
		return nil
	}
	s.away = false
	if err := s.splunk.server.Resume(); err != nil {
		return fmt.Errorf("give Splunk its port back: %w", err)
	}
	return nil
}

// stop ends the production, waits until all of it is settled, and then stops
// the forwarder.
func (s *stage) stop(ctx context.Context) error {
	s.out.title("5  Production ends, the rest drains, the forwarder stops as by SIGTERM")
	//nolint:contextcheck // the receiver listens until it is closed
	if err := s.resume(); err != nil {
		return err
	}
	if p := s.producer; p != nil {
		s.producer = nil
		if err := p.finish(ctx); err != nil {
			return err
		}
	}
	s.header()
	// What does not settle is no reason to stop here: the account names it.
	waiting := s.watch(ctx, "everything to be settled", func(now sample) bool { return now.settled >= now.produced })
	if waiting != nil {
		s.out.styled(red, waiting.Error())
	}
	asked := time.Now()
	if err := s.pipeline.close(); err != nil {
		return fmt.Errorf("stop the forwarder: %w", err)
	}
	s.out.say("The forwarder stopped without an error, %d ms after it was asked to.", time.Since(asked).Milliseconds())
	return nil
}

// account reconciles and shows the result.
func (s *stage) account(ctx context.Context) (*account, error) {
	s.out.title("6  Reconciliation, by partition, offset and a hash of each body")
	positions, err := s.positions(ctx)
	if err != nil {
		return nil, err
	}
	letters, err := s.letters()
	if err != nil {
		return nil, fmt.Errorf("read the dead letters in %s: %w", filepath.Clean(s.cfg.DeadLetter.Dir), err)
	}
	acc := s.ledger.reconcile(letters)
	acc.positions(positions)
	acc.counters(s.pipeline.Totals())
	for _, r := range acc.rows("drop_methods:" + noisyMethod) {
		s.out.lines(fmt.Sprintf("%s%-60s %10s", margin, r.name, comma(r.n)))
	}
	var commits []string
	for _, p := range positions {
		commits = append(commits, fmt.Sprintf("%d=%s/%s", p.partition, comma(p.committed), comma(p.end)))
	}
	s.out.say("committed/log end, as the broker says: %s", strings.Join(commits, " "))
	for _, f := range acc.findings() {
		s.out.styled(red, f)
	}
	if acc.err() == nil {
		s.out.verdict(green, acc.verdict())
	} else {
		s.out.verdict(red, acc.verdict())
	}
	return &acc, nil
}
