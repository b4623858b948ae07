package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/hec/hectest"
)

// cluster is a Kafka with a topic of two partitions, in which minute n of an hour
// is offset n of partition 0; partition 1 is empty.
type cluster struct {
	t      *testing.T
	addr   string
	client *kgo.Client
	adm    *kadm.Client
}

const offsetsTopic, offsetsGroup = "audit", "auditlog-forwarder"

func newCluster(t *testing.T) *cluster {
	t.Helper()
	fake, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, offsetsTopic))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	client, err := kgo.NewClient(kgo.SeedBrokers(fake.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	c := &cluster{t: t, addr: strings.Join(fake.ListenAddrs(), ","), client: client, adm: kadm.NewClient(client)}
	hour := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	for minute := range 60 {
		rec := &kgo.Record{Topic: offsetsTopic, Value: fmt.Appendf(nil, `{"id":"%d"}`, minute), Timestamp: hour.Add(time.Duration(minute) * time.Minute)}
		if err := client.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

// commit sets the group's offset of partition 0.
func (c *cluster) commit(offset int64, note string) {
	c.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: offsetsTopic, Partition: 0, At: offset, LeaderEpoch: -1, Metadata: note})
	if err := c.adm.CommitAllOffsets(c.t.Context(), offsetsGroup, o); err != nil {
		c.t.Fatal(err)
	}
}

// committed returns the group's offsets and notes, by partition.
func (c *cluster) committed(group string) (found []string) {
	c.t.Helper()
	offsets, err := c.adm.FetchOffsets(c.t.Context(), group)
	if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
		c.t.Fatal(err)
	}
	for _, o := range offsets.Sorted() {
		found = append(found, fmt.Sprintf("%d: %d%s", o.Partition, o.At, o.Metadata))
	}
	return found
}

func (c *cluster) offsets(args ...string) (code int, stdout, stderr string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	args = append(append([]string{"offsets"}, args...), "--kafka.bootstrap-servers", c.addr, "--kafka.security-protocol", "PLAINTEXT", "--kafka.topics", offsetsTopic)
	code = run(c.t.Context(), args, &out, &errs)
	return code, out.String(), errs.String()
}

func TestOffsetsShow(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.commit(10, "note")
	code, stdout, stderr := c.offsets("show")
	holds(t, "stdout", stdout, `^audit/0 +10 +2026-11-01T00:10:00Z +50 +\S+ +0 +60 +yes +-$`, `^audit/1 +none +- +0 +- +0 +0 +- +-$`, `^group auditlog-forwarder: Empty, no members, 50 behind$`)
	holds(t, "stderr", stderr, `warning: audit/1: no offset is committed; reading will start at earliest`)
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	_, stdout, _ = c.offsets("show", "-o", "json")
	var found app.GroupOffsets
	if err := json.Unmarshal([]byte(stdout), &found); err != nil || len(found.Partitions) != 2 || len(found.Warnings) != 1 || found.Partitions[0].Lag != 50 {
		t.Errorf("%v: %s", err, stdout)
	}
	c.lose(20)
	_, stdout, stderr = c.offsets("show")
	holds(t, "stderr", stderr, `LOST GROUND: 10 offsets, 10 to 19, expired`)
	holds(t, "stdout", stdout, `^audit/0 +10 +2026-11-01T00:20:00Z +40 `)
}

// lose removes what is below an offset of partition 0.
func (c *cluster) lose(before int64) {
	c.t.Helper()
	var o kadm.Offsets
	o.Add(kadm.Offset{Topic: offsetsTopic, Partition: 0, At: before})
	if _, err := c.adm.DeleteRecords(c.t.Context(), o); err != nil {
		c.t.Fatal(err)
	}
}

func TestOffsetsReset(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		args string
		note string
		code int
		want string // the offset afterwards
		says string // by standard output or error
	}{
		"dry run":           {args: "--earliest", want: "0: 30", says: `^audit/0 +30 +0 +30 +0 *$`},
		"earliest":          {args: "--earliest --yes", want: "0: 0", says: `up to 30 events will be sent again, 0 never sent`},
		"execute":           {args: "--earliest --execute", want: "0: 0"},
		"time":              {args: "--to-time 2026-11-01T00:20Z --yes", want: "0: 20", says: `^audit/0 +30 +20 +10 +0`},
		"time of none":      {args: "--to-time 2026-11-01T02:00:00Z --allow-skip --yes", want: "0: 60", says: `^audit/0 +30 +60 +0 +30`},
		"offset":            {args: "--to-offset 7 --partition 0 --yes", want: "0: 7"},
		"offset beyond":     {args: "--to-offset 61 --partition 0 --yes", code: 1, want: "0: 30", says: `audit/0: offset 61 is not there; it holds 0 to 59`},
		"shift":             {args: "--shift -5 --partition 0 --yes", want: "0: 25", says: `^audit/0 +30 +25 +5 +0`},
		"shift too far":     {args: "--shift -500 --partition 0 --yes", want: "0: 0", says: `as far as there is something`},
		"shift without end": {args: "--shift 9223372036854775807 --partition 0", want: "0: 30", says: `^audit/0 +30 +60 +0 +30 +as far as`},
		"shift of none":     {args: "--shift -5 --yes", code: 1, want: "0: 30", says: `audit/1: no offset is committed that could be shifted`},
		"skip":              {args: "--latest --yes", code: 1, want: "0: 30", says: `refused: up to 30 events would never be sent; nothing was changed`},
		"skip allowed":      {args: "--latest --yes --allow-skip", want: "0: 60", says: `0 +30 +60 +0 +30`},
		"skip, dry run":     {args: "--latest", want: "0: 30", says: `nothing was changed; --yes does it, with --allow-skip`},
		"note":              {args: "--earliest --yes", note: " note", want: "0: 0", says: `1 note dropped`},
		"note in the way":   {args: "--shift -1 --partition 0 --yes", note: "summary/1 20 0 20 9 9 rules", code: 1, want: "0: 30summary/1 20 0 20 9 9 rules", says: `events of summaries that are not sent yet would be left out`},
		"note below":        {args: "--shift -10 --partition 0 --yes", note: "summary/1 20 0 20 9 9 rules", want: "0: 20"},
		"note, all sent":    {args: "--shift -1 --partition 0 --yes", note: "summary/1 20 0 30 9 0 rules", want: "0: 29"},
		"note, torn":        {args: "--shift -1 --partition 0 --yes", note: "summary/", code: 1, want: "0: 30summary/", says: `events of summaries`},
		"note of another":   {args: "--shift -1 --partition 0 --yes", note: " note", want: "0: 29"},
		"mirror's note":     {args: "--shift -3 --partition 0", note: "mirror/1 30 audit ", want: "0: 30mirror/1 30 audit ", says: `COPIED AGAIN(.|\n)*up to 3 events would be copied again, 0 never copied; 1 note dropped, where the copy ended\n.* in the copy twice`},
		"mirror's skip":     {args: "--latest --yes", note: "mirror/1 30 audit ", code: 1, want: "0: 30mirror/1 30 audit ", says: `up to 30 events would never be copied`},
		"no partition":      {args: "--earliest --partition 2 --yes", code: 1, want: "0: 30", says: `there is no partition 2`},
		"no topic":          {args: "--earliest --topic other --yes", code: 1, want: "0: 30", says: `there is no topic other`},
		"no target":         {args: "--yes", code: 2, want: "0: 30", says: `hint: give --to-time, --to-offset`},
		"two targets":       {args: "--earliest --shift -1", code: 2, want: "0: 30", says: `--earliest and --shift exclude each other`},
		"json":              {args: "--shift -1 --partition 0 -o json", want: "0: 30", says: `"again": 1,`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := newCluster(t)
			c.commit(30, tt.note)
			code, stdout, stderr := c.offsets(append([]string{"reset"}, strings.Fields(tt.args)...)...)
			if code != tt.code {
				t.Errorf("exit code %d, want %d", code, tt.code)
			}
			holds(t, "output", stdout+stderr, tt.says)
			if got := c.committed(offsetsGroup); len(got) == 0 || got[0] != tt.want {
				t.Errorf("committed %v, want %s", got, tt.want)
			}
		})
	}
}

// TestOffsetsOfMirror: the mirror's group is looked at and set by a flag, and the
// forwarder's is left alone.
func TestOffsetsOfMirror(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.commit(30, "")
	const group = "auditlog-forwarder-mirror"
	if code, _, stderr := c.offsets("show", "--mirror"); code == 0 || !strings.Contains(stderr, "mirror.bootstrap_servers: missing") {
		t.Errorf("without a mirror: exit code %d, %s", code, stderr)
	}
	to := []string{"--mirror", "--mirror.bootstrap-servers", "mine:9092", "--mirror.security-protocol", "PLAINTEXT"}
	_, stdout, stderr := c.offsets(append([]string{"show"}, to...)...)
	holds(t, "stdout", stdout, `^group `+group+`: \w+, no members, 60 behind$`)
	if stdout == "" {
		t.Error(stderr)
	}
	for i, shift := range []string{"--to-offset=40", "--to-offset=30"} {
		code, stdout, stderr := c.offsets(append([]string{"reset", shift, "--partition", "0", "--allow-skip", "--yes"}, to...)...)
		if code != 0 {
			t.Errorf("exit code %d: %s", code, stderr)
		}
		holds(t, "stdout", stdout, []string{
			`^group ` + group + `: no event will be copied again, 40 never copied$`,
			`10 events will be copied again, 0 never copied\nthis group is a mirror's: what it copies again stands in the copy twice`,
		}[i])
	}
	if got := append(c.committed(offsetsGroup), c.committed(group)...); !cmp.Equal(got, []string{"0: 30", "0: 30"}) {
		t.Errorf("committed %v", got)
	}
}

// TestOffsetsResetActive: members are named, and keep their offsets.
func TestOffsetsResetActive(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	joined := make(chan struct{})
	member, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(c.addr, ",")...), kgo.ConsumerGroup(offsetsGroup), kgo.ConsumeTopics(offsetsTopic),
		kgo.ClientID("somebody"), kgo.DisableAutoCommit(), kgo.OnPartitionsAssigned(func(context.Context, *kgo.Client, map[string][]int32) { close(joined) }))
	if err != nil {
		t.Fatal(err)
	}
	defer member.Close()
	member.PollFetches(t.Context())
	<-joined
	code, stdout, stderr := c.offsets("reset", "--earliest", "--yes")
	if code != 1 || len(c.committed(offsetsGroup)) != 0 {
		t.Errorf("exit code %d, want 1; committed %v", code, c.committed(offsetsGroup))
	}
	holds(t, "stderr", stderr, `the group auditlog-forwarder is active \(.*somebody.* at 127\.0\.0\.1\S*\)`)
	holds(t, "stdout", stdout, `once the group's member has stopped`)
	_, stdout, _ = c.offsets("show")
	holds(t, "stdout", stdout, `: Stable, 1 member, 60 behind`, `^ +\S*somebody\S* +127\.0\.0\.1\S* +2 partitions`)
}

// TestRunWindow: the command line of a window that is sent again.
func TestRunWindow(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	splunk := hectest.Start(t)
	dir := t.TempDir()
	token := filepath.Join(dir, "token")
	if err := os.WriteFile(token, []byte(hectest.DefaultToken), 0o600); err != nil {
		t.Fatal(err)
	}
	window := func(ctx context.Context, args ...string) (int, string) {
		t.Helper()
		var out, errs bytes.Buffer
		args = append([]string{
			"run", "--from", "2026-11-01T00:10Z", "--to", "2026-11-01T00:20:00Z", "--hec.token-file", token, "--hec.url", splunk.URL(),
			"--kafka.bootstrap-servers", c.addr, "--kafka.security-protocol", "PLAINTEXT", "--kafka.topics", offsetsTopic, "--dead-letter.dir", t.TempDir(),
			"--log.level", "error",
		}, args...)
		code := run(ctx, args, &out, &errs)
		return code, errs.String()
	}
	const group = offsetsGroup + "-resend-20261101T001000Z-20261101T002000Z"
	for i, step := range []struct {
		args []string
		sent int
		says string
	}{
		{nil, 10, ""},
		{nil, 10, "nothing was sent: .* --again"},
		{[]string{"--again"}, 20, ""},
	} {
		code, stderr := window(t.Context(), step.args...)
		if code != 0 || len(splunk.Events()) != step.sent {
			t.Errorf("step %d: exit code %d, %d events so far, want 0 and %d; %s", i, code, len(splunk.Events()), step.sent, stderr)
		}
		holds(t, "stderr", stderr, step.says)
		if diff := cmp.Diff([]string{"0: 20", "1: 0"}, c.committed(group)); diff != "" {
			t.Errorf("step %d: the window's offsets (-want +got):\n%s", i, diff)
		}
	}
	if got := c.committed(offsetsGroup); len(got) > 0 {
		t.Errorf("the group's own offsets were set: %v", got)
	}
	for _, ev := range splunk.Events() {
		holds(t, "fields", string(ev.Fields), `"resend":"2026-11-01T00:10:00Z/2026-11-01T00:20:00Z"`)
	}

	// Stopped in the middle, by a signal once it has posted, and then by its
	// time, whatever that finds it doing.
	for i, args := range [][]string{{"--again"}, {"--timeout", "1s"}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		splunk.SetFault(func(_ int, r *http.Request) *hectest.Reply {
			if n, err := io.Copy(io.Discard, r.Body); i == 0 && (err != nil || n > 0) { // it was no question for Splunk's health
				cancel(signalError{os.Interrupt})
			}
			hang := hectest.Hang()
			return &hang
		})
		code, stderr := window(ctx, append(args, "--batch.drain", "100ms")...)
		cancel(nil)
		if code != exitUnfinished {
			t.Errorf("%v: exit code %d, want %d", args, code, exitUnfinished)
		}
		holds(t, "stderr", stderr, []string{``, `--timeout is over: `}[i]+`stopped before the end`, `hint: give --from 2026-11-01T00:10:00Z --to 2026-11-01T00:20:00Z, without --again`)
	}
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		"2026-11-01T00:00:00Z":      "2026-11-01T00:00:00Z",
		"2026-11-01T00:00Z":         "2026-11-01T00:00:00Z",
		"2026-11-01T02:00+02:00":    "2026-11-01T00:00:00Z",
		"2026-11-01T02:00:00+02:00": "2026-11-01T00:00:00Z",
		"2026-11-01T01:02":          "2026-11-01T01:02:00Z",
		"2026-11-01 01:02:03":       "2026-11-01T01:02:03Z",
		"2026-11-01":                "2026-11-01T00:00:00Z",
		"24h":                       "2026-11-21T12:00:00Z",
		"7d":                        "2026-11-15T12:00:00Z",
		"now":                       "2026-11-22T12:00:00Z",
		"-24h":                      "", "": "", "yesterday": "", "2026-13-01": "", "-7d": "", "01.11.2026": "",
	} {
		got, err := parseTime(text, now)
		if (err != nil) != (want == "") || err == nil && got.Format(time.RFC3339) != want {
			t.Errorf("%q: got %s, %v, want %q", text, got, err, want)
		}
	}
}
