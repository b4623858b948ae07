package app_test

import (
	"syscall"
	"testing"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestEndToEndMirrorThawed freezes a mirror in the middle of its copy until
// another has taken its partitions over, and lets it go on: nothing is lost or out
// of order, and the log tells of all that stands there twice.
func TestEndToEndMirrorThawed(t *testing.T) {
	if testing.Short() {
		t.Skip("a session has to end, which takes six seconds")
	}
	t.Parallel()
	const partitions, each, later = 2, 10_000, 500
	b := kafkatest.Shared(t)
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "mirror")
	copied := topic + "-copy"
	b.CreateTopic(t, topic, partitions)
	produceOriginals(t, b, topic, partitions, 0, each)
	set := mirroring(b, b, topic, group).with(settings{"mirror.name": copied})
	frozen := startCommand(t, "mirror that is frozen", set, "mirror")
	frozen.line("the destination is ready")
	adm := b.Admin(t)
	for at := 0; at < each/4; { // of twice as many: it is at work
		at = total(endsOf(t, adm, copied))
	}
	frozen.signal(syscall.SIGSTOP)
	t.Logf("frozen with %d of %d records copied", total(endsOf(t, adm, copied)), partitions*each)
	left := func() string { return uncommitted(t, adm, group, topic, endsOf(t, adm, topic)) }

	successor := startCommand(t, "successor", set.with(settings{"mirror.group_instance_id": group + "-2"}), "mirror")
	eventually(t, "the successor's copy", left)
	frozen.signal(syscall.SIGCONT)
	eventually(t, "the frozen one in the group again", func() string {
		if len(frozen.logged("partitions assigned")) < 2 {
			return "it has not joined"
		}
		return ""
	})
	produceOriginals(t, b, topic, partitions, each, each+later)
	eventually(t, "the copy of what came later", left)
	frozen.stop()
	successor.stop()
	told := 0
	for _, p := range []*process{frozen, successor} {
		told += p.numbers("records came into the destination beside", "of_them_twice") +
			// Where the frozen one had no time left to see what it did.
			p.numbers("others have written to the destination as well", "records") +
			p.numbers("the destination has records that are not the source's next ones", "records")
	}
	twice := compareCopy(t, b, copied, partitions, each+later)
	t.Logf("%d records stand there twice, and the mirrors have told of %d", twice, told)
	if twice > told {
		t.Errorf("%d records stand there twice, and the mirrors have told of %d", twice, told)
	}
}
