package app_test

import (
	"context"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestEndToEndMembersComeAndGo: members join and are stopped by SIGTERM while
// events flow. Each of these makes every member drain its lanes and commit
// before it gives its partitions back, so that nothing may be missing and
// nothing may come twice.
func TestEndToEndMembersComeAndGo(t *testing.T) {
	backlog, perSecond := 100_000, 4000
	if testing.Short() {
		backlog, perSecond = 15_000, 1000
	}
	b := kafkatest.Shared(t)
	topic, group, adm := kafkatest.Name(t, "members"), kafkatest.Name(t, "g"), b.Admin(t)
	f := newFeeder(t, b, topic, partitions)
	f.must(backlog)
	l := f.ledger
	hec := hectest.Start(t, hectest.WithSink(l.take))

	// From here on events flow until the last member has come and gone.
	flow, stop := context.WithCancel(t.Context())
	var feeding errgroup.Group
	feeding.Go(func() error { return f.feed(flow, 1000*perSecond, rate.Limit(perSecond)) })
	t.Cleanup(func() { // also when the test gives up early
		stop()
		_ = feeding.Wait()
	})

	join := func(name string) *process {
		return start(t, name, local(t, b, hec, topic, group))
	}
	// more waits until events flow again after a change.
	more := func() {
		arrived, _, _ := l.figures()
		l.until(t, "events to flow", func(now, _ int) bool { return now > arrived+perSecond/2 })
	}
	a := join("a")
	more()
	bb := join("b")
	shared(t, []*process{a, bb})
	more()
	c := join("c")
	shared(t, []*process{a, bb, c})
	more()
	a.stop() // the leader of the group
	shared(t, []*process{bb, c})
	more()
	d := join("d")
	bb.stop() // while the group still makes room for d
	shared(t, []*process{c, d})
	more()
	c.signal(syscall.SIGINT)
	if code := c.wait(); code != 0 {
		t.Errorf("c: exit code %d after SIGINT, want 0", code)
	}
	shared(t, []*process{d})
	more()

	stop()
	if err := feeding.Wait(); err != nil {
		t.Fatalf("produce: %v", err)
	}
	l.all(t)
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	d.stop()
	arrived, repeated, missing := l.figures()
	t.Logf("%d arrived, %d missing, %d more than once", arrived, missing, repeated)
	l.check(t, 0)
}

// TestEndToEndStaticMember: a member with a kafka.group_instance_id that is
// killed and started again has its partitions back at once, and the others do
// not notice: the group does not wait for the session timeout.
func TestEndToEndStaticMember(t *testing.T) {
	t.Parallel()
	b := kafkatest.Shared(t)
	topic, group, adm := kafkatest.Name(t, "static"), kafkatest.Name(t, "g"), b.Admin(t)
	f := newFeeder(t, b, topic, partitions)
	l := f.ledger
	hec := hectest.Start(t, hectest.WithSink(l.take))
	member := func(name string) settings {
		// A session far longer than this test may take.
		return local(t, b, hec, topic, group).with(settings{"kafka.group_instance_id": name, "kafka.session_timeout": "10m"})
	}
	setA, setB := member("a"), member("b")
	a, bb := start(t, "a", setA), start(t, "b", setB)
	shared(t, []*process{a, bb})
	before, _ := bb.metric("auditlog_forwarder_group_joins_total")
	had := a.owned()
	f.must(6000)
	l.until(t, "the first events", func(arrived, _ int) bool { return arrived > 0 })
	a.signal(syscall.SIGKILL)
	a.wait()
	arrived, _, _ := l.figures()
	f.must(6000)
	a = start(t, "a again", setA)
	shared(t, []*process{a, bb})
	if got := a.owned(); !slices.Equal(got, had) {
		t.Errorf("the member owns %v after its restart, before %v", got, had)
	}
	l.all(t)
	eventually(t, "the commit", func() string { return uncommitted(t, adm, group, topic, l.ends()) })
	if after, _ := bb.metric("auditlog_forwarder_group_joins_total"); after != before {
		t.Errorf("the other member has joined %v times, before %v: it was disturbed", after, before)
	}
	a.stop()
	bb.stop()
	_, repeated, _ := l.figures()
	t.Logf("%d had arrived when the member was killed, %d came again", arrived, repeated)
	l.check(t, 3000) // half of what there was when it was killed
}
