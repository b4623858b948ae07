package app_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/kafka/kafkatest"
)

const (
	// mirrorEventsEnv and mirrorKillsEnv make TestEndToEndMirror longer, as
	// `make mirror` does.
	mirrorEventsEnv  = "AUDITLOG_MIRROR_EVENTS"
	mirrorKillsEnv   = "AUDITLOG_MIRROR_KILLS"
	mirrorPartitions = 6
)

func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// original is the record number n of a partition: of every kind that Kafka
// knows, and always the same.
func original(topic string, partition int32, n int) *kgo.Record {
	r := rand.New(rand.NewPCG(uint64(partition), uint64(n)))
	number := binary.BigEndian.AppendUint32(nil, uint32(n))
	rec := &kgo.Record{
		Topic: topic, Partition: partition, Timestamp: time.UnixMilli(1_780_000_000_000 + int64(n)*7 - r.Int64N(5000)),
		Headers: []kgo.RecordHeader{{Key: "n", Value: number}},
	}
	switch r.IntN(20) {
	case 0: // a tombstone
		rec.Key = number
	case 1:
		rec.Key, rec.Value = []byte{}, []byte{}
	case 2:
		rec.Value = []byte{0, 255, 254, '\n', 1}
	case 3:
		rec.Value = []byte("no json")
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "", Value: nil}, kgo.RecordHeader{Key: "n", Value: []byte{}})
	default:
		rec.Key = []byte("org-" + strconv.Itoa(r.IntN(50)))
		rec.Value = fmt.Appendf(nil, `{"id":"%d-%d","time":"2026-11-01T00:00:00Z","data":{"methodName":"mds.Authorize","granted":true},"fill":"%s"}`,
			partition, n, strings.Repeat(strconv.Itoa(n%10), r.IntN(1200)))
		rec.Headers = append(rec.Headers, kgo.RecordHeader{Key: "content-type", Value: []byte("application/cloudevents+json; charset=UTF-8")})
	}
	return rec
}

// produceOriginals writes the records [from, to) of each partition.
func produceOriginals(t *testing.T, b *kafkatest.Broker, topic string, partitions int32, from, to int) {
	t.Helper()
	cl := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(50_000), kgo.ProducerLinger(5*time.Millisecond))
	for n := from; n < to; n++ {
		for p := range partitions {
			cl.Produce(t.Context(), original(topic, p, n), func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce: %v", err)
				}
			})
		}
	}
	if err := cl.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// compareCopy reads the copy with another client than ours, and holds each
// record against its original. It returns how many stand there twice.
func compareCopy(t *testing.T, b *kafkatest.Broker, topic string, partitions int32, each int) (twice int) {
	t.Helper()
	ends := endsOf(t, b.Admin(t), topic)
	if len(ends) != int(partitions) {
		t.Fatalf("the copy has %d partitions, want %d", len(ends), partitions)
	}
	cl := b.Client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	next := make([]int, partitions)
	left := 0
	for _, end := range ends {
		left += int(end)
	}
	for left > 0 {
		fetches := cl.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatalf("read the copy, with %d records left: %v", left, err)
		}
		fetches.EachRecord(func(got *kgo.Record) {
			left--
			if len(got.Headers) == 0 || len(got.Headers[0].Value) != 4 {
				t.Errorf("%d/%d is no copy", got.Partition, got.Offset)
				return
			}
			n := int(binary.BigEndian.Uint32(got.Headers[0].Value))
			want := original(topic, got.Partition, n)
			if !same(got, want) {
				t.Errorf("%d/%d is not its original: %s", got.Partition, got.Offset, cmp.Diff(flat(want), flat(got)))
			}
			switch at := &next[got.Partition]; {
			case n == *at:
				*at++
			case n < *at:
				twice++
			default:
				t.Errorf("%d/%d is number %d, and %d has not come yet", got.Partition, got.Offset, n, *at)
				*at = n + 1
			}
		})
		if t.Failed() {
			t.FailNow()
		}
	}
	for p, n := range next {
		if n != each {
			t.Errorf("partition %d has %d of %d records", p, n, each)
		}
	}
	return twice
}

func same(a, b *kgo.Record) bool {
	if !a.Timestamp.Equal(b.Timestamp) || !bytes.Equal(a.Key, b.Key) || (a.Key == nil) != (b.Key == nil) ||
		!bytes.Equal(a.Value, b.Value) || (a.Value == nil) != (b.Value == nil) || len(a.Headers) != len(b.Headers) {
		return false
	}
	for i, h := range a.Headers {
		if g := b.Headers[i]; h.Key != g.Key || !bytes.Equal(h.Value, g.Value) || (h.Value == nil) != (g.Value == nil) {
			return false
		}
	}
	return true
}

func flat(r *kgo.Record) string {
	return fmt.Sprintf("%d %#v %#v %#v", r.Timestamp.UnixMilli(), r.Key, r.Value, r.Headers)
}

// endsOf returns where each partition ends.
func endsOf(t *testing.T, adm *kadm.Client, topic string) []int64 {
	t.Helper()
	listed, err := adm.ListEndOffsets(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	ends := make([]int64, len(listed[topic]))
	for p, o := range listed[topic] {
		if o.Err != nil {
			return nil // it is not there yet
		}
		ends[p] = o.Offset
	}
	return ends
}

func total(ends []int64) (sum int) {
	for _, end := range ends {
		sum += int(end)
	}
	return sum
}

// mirroring are the settings of a mirror between two brokers.
func mirroring(from, to *kafkatest.Broker, topic, group string) settings {
	return settings{
		"kafka.bootstrap_servers": strings.Join(from.Bootstrap(), ","), "kafka.security_protocol": "PLAINTEXT",
		"kafka.topics": topic, "kafka.session_timeout": "6s", "kafka.metadata_refresh": "1s", "log.format": "json",
		"mirror.bootstrap_servers": strings.Join(to.Bootstrap(), ","), "mirror.security_protocol": "PLAINTEXT",
		"mirror.group_id": group, "mirror.group_instance_id": group + "-1", "mirror.retention": "20000d",
	}
}

// numbers sums a field of the log's lines with a message.
func (p *process) numbers(msg, field string) (sum int) {
	for _, line := range p.logged(msg) {
		n, _ := line[field].(float64)
		sum += int(n)
	}
	return sum
}

// TestEndToEndMirror copies between two brokers while the mirror is killed
// again and again, and compares with another client.
func TestEndToEndMirror(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	events, kills := fromEnv(t, mirrorEventsEnv, 100_000), fromEnv(t, mirrorKillsEnv, 15)
	each := events / mirrorPartitions
	events = each * mirrorPartitions
	from, to := kafkatest.Shared(t), kafkatest.Start(t)
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "mirror")
	from.CreateTopic(t, topic, mirrorPartitions)
	began := time.Now()
	produceOriginals(t, from, topic, mirrorPartitions, 0, each)
	t.Logf("%d events produced in %s", events, time.Since(began).Round(time.Millisecond))

	set := mirroring(from, to, topic, group)
	adm := to.Admin(t)
	began = time.Now()
	twice, skipped, lives := 0, 0, 0
	end := func(p *process) {
		lives++
		twice += p.numbers("records came into the destination beside", "of_them_twice")
		skipped += p.numbers("records that stand in the destination already", "records")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for k := range kills {
		p := startCommand(t, "mirror", set, "mirror")
		if k == 0 {
			p.line("the destination is ready")
		}
		// Somewhere in the middle of what is left.
		goal := events * (k + 1) / (kills + 1)
		for reached := 0; reached < goal; {
			reached = total(endsOf(t, adm, topic))
		}
		for range r.IntN(4) {
			_ = endsOf(t, adm, topic)
		}
		p.signal(syscall.SIGKILL)
		p.wait()
		end(p)
	}
	p := startCommand(t, "mirror", set, "mirror")
	eventually(t, "all offsets committed", func() string { return uncommitted(t, from.Admin(t), group, topic, endsOf(t, from.Admin(t), topic)) })
	took := time.Since(began)
	if got, _ := p.metric("auditlog_forwarder_mirror_destination_lost_records_total"); got != 0 {
		t.Errorf("%v records are gone from the destination", got)
	}
	p.stop()
	end(p)
	state := p.cmd.ProcessState
	t.Logf("%.0f events a second; the last of %d lives took %s of CPU", float64(events)/took.Seconds(), lives, (state.UserTime() + state.SystemTime()).Round(time.Millisecond))
	counted := compareCopy(t, to, topic, mirrorPartitions, each)
	t.Logf("%d events copied with %d kills in %s; %d were found there after a kill and not written again; %d stand there twice, and the mirror says %d",
		events, kills, took.Round(time.Millisecond), skipped, counted, twice)
	if counted != twice {
		t.Errorf("%d records stand there twice, and the mirror has counted %d", counted, twice)
	}
}

// TestEndToEndMirrorOutage: the destination freezes, dies and comes back, the
// source grows, and the mirror is stopped in order: nothing is lost, nothing is
// there twice.
func TestEndToEndMirrorOutage(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("it takes minutes")
	}
	const each, later = 4000, 500
	from, to := kafkatest.Shared(t), kafkatest.Start(t)
	topic, group := kafkatest.Name(t, "audit"), kafkatest.Name(t, "mirror")
	from.CreateTopic(t, topic, 2)
	set := mirroring(from, to, topic, group)
	p := startCommand(t, "mirror", set, "mirror")
	p.line("the destination is ready")
	produceOriginals(t, from, topic, 2, 0, each/2)
	eventually(t, "the first half of the copy", func() string {
		return uncommitted(t, from.Admin(t), group, topic, endsOf(t, from.Admin(t), topic))
	})
	to.Freeze()
	produceOriginals(t, from, topic, 2, each/2, each)
	p.notReady("destination", "mirror.bootstrap_servers")
	to.Kill()
	to.Restart()
	eventually(t, "the copy after the outage", func() string {
		return uncommitted(t, from.Admin(t), group, topic, endsOf(t, from.Admin(t), topic))
	})
	if _, err := from.Admin(t).UpdatePartitions(t.Context(), 4, topic); err != nil {
		t.Fatal(err)
	}
	p.line("the source has more partitions than before")
	p.stop()

	p = startCommand(t, "mirror", set, "mirror")
	for part := range int32(4) {
		n := 0
		if part < 2 {
			n = each
		}
		produceSome(t, from, topic, part, n, each+later)
	}
	eventually(t, "the copy of the new partitions", func() string {
		return uncommitted(t, from.Admin(t), group, topic, endsOf(t, from.Admin(t), topic))
	})
	p.stop()
	if twice := compareCopy(t, to, topic, 4, each+later); twice != 0 {
		t.Errorf("%d records stand there twice", twice)
	}
}

// produceSome writes the records [from, to) of one partition.
func produceSome(t *testing.T, b *kafkatest.Broker, topic string, partition int32, from, to int) {
	t.Helper()
	cl := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	var records []*kgo.Record
	for n := from; n < to; n++ {
		records = append(records, original(topic, partition, n))
	}
	if err := cl.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
