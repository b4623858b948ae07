package app_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

const (
	// eventsEnv changes how many events TestEndToEndMillion sends.
	eventsEnv = "AUDITLOG_E2E_EVENTS"
	million   = 1_000_000

	partitions = 6
	members    = 3
	kills      = 8

	// flowSeconds is how long the events take at least while members are killed.
	flowSeconds = 40
)

// local are the settings of a forwarder between a broker and a HEC server.
func local(t *testing.T, b *kafkatest.Broker, hec *hectest.Server, topic, group string) settings {
	t.Helper()
	return settings{
		"kafka.bootstrap_servers": strings.Join(b.Bootstrap(), ","), "kafka.security_protocol": "PLAINTEXT", "heartbeat.interval": "0s",
		"kafka.topics": topic, "kafka.group_id": group, "kafka.session_timeout": "60s", // a stalled machine is not a dead member
		"hec.url": hec.URL(), "hec.token": hectest.DefaultToken, "dead_letter.dir": t.TempDir(),
	}
}

// TestEndToEndMillion sends a million events through the product: once in
// peace, and once while its members are killed.
func TestEndToEndMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	n := million
	if text := os.Getenv(eventsEnv); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", eventsEnv, err)
		}
	}
	b := kafkatest.Shared(t)
	topic := kafkatest.Name(t, "million")
	f := newFeeder(t, b, topic, partitions)
	began := time.Now()
	f.must(n)
	t.Logf("%d events in %d partitions, produced in %s", n, partitions, time.Since(began).Round(time.Second))

	t.Run("undisturbed", func(t *testing.T) { undisturbed(t, b, topic, f.ledger) })
	t.Run("killed", func(t *testing.T) {
		f.t, f.ledger = t, f.ledger.again()
		killed(t, b, f)
	})
}

// undisturbed: each event arrives exactly once, the offsets end at the log's
// end, the accounts add up, memory stays within the bound that was given.
func undisturbed(t *testing.T, b *kafkatest.Broker, topic string, l *ledger) {
	hec := hectest.Start(t, hectest.WithSink(l.take))
	group, adm := kafkatest.Name(t, "g"), b.Admin(t)
	began := time.Now()
	p := start(t, "forwarder", local(t, b, hec, topic, group))
	l.all(t)
	took := time.Since(began)
	arrived, _, _ := l.figures()
	t.Logf("%d events in %s from the start of the process: %.0f a second", arrived, took.Round(10*time.Millisecond), float64(arrived)/took.Seconds())

	// The last answers may be on their way, and the accounts are made one after
	// the other.
	for _, m := range []struct {
		name         string
		want, series int
	}{
		{"auditlog_forwarder_records_read_total", arrived, partitions},
		{"auditlog_forwarder_events_accepted_total", arrived, partitions},
		{"auditlog_forwarder_events_dead_lettered_total", 0, len(deadletter.Reasons())},
		{"auditlog_forwarder_records_returned_total", 0, partitions},
		{"auditlog_forwarder_lost_events_total", 0, partitions},
		{"auditlog_forwarder_lag_events", 0, partitions},
		{"auditlog_forwarder_unsettled_events", 0, partitions},
		{"auditlog_forwarder_in_flight_bytes", 0, partitions},
		{"auditlog_forwarder_partition_owned", partitions, partitions},
		{"auditlog_forwarder_group_joins_total", 1, 1},
	} {
		eventually(t, "the accounts", func() string {
			if got, series := p.metric(m.name); int(got) != m.want || series != m.series {
				return fmt.Sprintf("%s is %v in %d series, want %d in %d", m.name, got, series, m.want, m.series)
			}
			return ""
		})
	}
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	p.checkMemory()
	p.stop()
	l.check(t, 0)
	if behind := uncommitted(t, adm, group, topic, l.ends()); behind != "" {
		t.Errorf("after the end: %s", behind)
	}
}

// killed: three members, of which one is killed every few seconds and started
// again. Nothing may be missing, and repeated may only be what was in flight
// when a member was killed, and batch.max_uncommitted of it.
func killed(t *testing.T, b *kafkatest.Broker, f *feeder) {
	l, topic := f.ledger, f.topic
	first := total(l.ends())
	part := first / (kills + 2) // what arrives between two kills, at least
	// Splunk is slow enough that a few seconds of work lie between two kills.
	limit := rate.NewLimiter(rate.Limit(first)/flowSeconds, 100)
	hec := hectest.Start(t, hectest.WithSink(func(ev hectest.Event) {
		_ = limit.Wait(t.Context()) // ends early only with the test
		l.take(ev)
	}))
	group, adm, defaults := kafkatest.Name(t, "g"), b.Admin(t), config.Defaults()
	own := make([]settings, members) // each with its own dead-letter folder
	all := make([]*process, members)
	for i := range all {
		own[i] = local(t, b, hec, topic, group).with(settings{"kafka.session_timeout": "6s"}) // a kill lasts that long
		all[i] = start(t, "member "+strconv.Itoa(i), own[i])
	}
	type kill struct {
		at    time.Time
		owned []int32
	}
	var done []kill
	began := time.Now()
	for i := range kills {
		shared(t, all)
		// Under load: the next kill comes when the next part has arrived, and before
		// all has. On a slow machine more has to be there for that.
		there := total(l.ends())
		l.until(t, "the next part", func(_, missing int) bool { return there-missing >= part*(i+1) })
		if _, _, missing := l.figures(); missing < part {
			f.must(part)
		}
		victim := i % members
		owned := all[victim].owned()
		all[victim].signal(syscall.SIGKILL)
		done = append(done, kill{time.Now(), owned})
		if code := all[victim].wait(); code != -1 {
			t.Errorf("member %d ended with %d before it was killed", victim, code)
		}
		all[victim] = start(t, "member "+strconv.Itoa(victim), own[victim])
	}
	l.all(t)
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	took := time.Since(began)
	for _, p := range all {
		p.checkMemory()
		p.stop()
	}
	largest := 0
	for _, r := range hec.Requests() {
		largest = max(largest, r.Events)
	}
	inFlight, uncommitted, times := 0, 0, ""
	for i, k := range done {
		inFlight += len(k.owned) * defaults.Batch.Window * largest
		uncommitted += defaults.Batch.MaxUncommitted
		if i > 0 {
			times += " " + k.at.Sub(done[i-1].at).Round(100*time.Millisecond).String()
		}
	}
	arrived, repeated, missing := l.figures()
	t.Logf("%d kills in %s (seconds between them:%s): %d arrived, %d missing", len(done), took.Round(time.Second), times, arrived, missing)
	t.Logf("duplicates: %d; bound: %d = %d in flight (partitions of the killed x window %d x %d events, the largest batch) + %d accepted and not committed (%d a kill)",
		repeated, inFlight+uncommitted, inFlight, defaults.Batch.Window, largest, uncommitted, defaults.Batch.MaxUncommitted)
	l.check(t, inFlight+uncommitted)
}

// shared waits until the members own all partitions, and each some.
func shared(t *testing.T, all []*process) {
	t.Helper()
	eventually(t, "the members to share the partitions", func() (missing string) {
		sum := 0
		for _, p := range all {
			owned := len(p.owned())
			if sum += owned; owned == 0 {
				missing = p.name + " owns nothing"
			}
		}
		if missing == "" && sum != partitions {
			missing = strconv.Itoa(sum) + " partitions are owned"
		}
		return missing
	})
}
