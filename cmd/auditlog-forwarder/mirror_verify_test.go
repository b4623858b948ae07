package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/app"
)

// TestPrintVerification holds what people read, from what programs read.
func TestPrintVerification(t *testing.T) {
	t.Parallel()
	const text = `{
  "verdict": "different",
  "source": {"bootstrap_servers": ["a:1"], "topic": "audit", "partitions": 2},
  "destination": {"bootstrap_servers": ["b:1"], "topic": "copy", "partitions": 1},
  "started": "2026-11-22T10:00:00Z",
  "total": {"source": 30, "destination": 12, "same": 9, "missing": 21, "doubled": 2, "extra": 0, "changed": 1, "out_of_order": 0, "not_copied_yet": 0},
  "partitions": [
    {
      "partition": 0, "verdict": "different",
      "source": {"oldest": 5, "end": 15, "from": 5, "to": 15}, "destination": {"oldest": 0, "end": 12, "from": 0, "to": 12},
      "counts": {"source": 10, "destination": 12, "same": 9, "missing": 1, "doubled": 2, "extra": 0, "changed": 1, "out_of_order": 0, "not_copied_yet": 0},
      "findings": [
        {"kind": "missing", "count": 1, "source": {"first": 7, "last": 7}, "time": "2026-11-22T09:00:00Z"},
        {"kind": "doubled", "count": 2, "source": {"first": 5, "last": 6}, "destination": {"first": 9, "last": 10}, "first_copy": {"first": 0, "last": 1}},
        {"kind": "changed", "count": 1, "source": {"first": 8, "last": 8}, "destination": {"first": 4, "last": 4}, "what": "headers"}
      ],
      "findings_not_listed": 3, "notes": ["a note"]
    },
    {
      "partition": 1, "verdict": "not_compared",
      "source": {"oldest": 0, "end": 20, "from": 0, "to": 20}, "destination": {"oldest": 0, "end": 0, "from": 0, "to": 0},
      "counts": {"source": 20, "destination": 0, "same": 0, "missing": 20, "doubled": 0, "extra": 0, "changed": 0, "out_of_order": 0, "not_copied_yet": 0},
      "findings": [], "findings_not_listed": 0, "error": "an error"
    }
  ],
  "notes": ["the source has 2 partitions, the destination 1"]
}
`
	const want = `source  audit at a:1
copy    copy at b:1
ends    as of 2026-11-22T10:00:00Z

PARTITION  SOURCE  COPY  SAME  MISSING  DOUBLED  CHANGED  EXTRA  OUT OF ORDER  NOT YET  RESULT
0          10      12    9     1        2        1        0      0             0        different
1          20      0     0     20       0        0        0      0             0        not compared
all        30      12    9     21       2        1        0      0             0        different

note: the source has 2 partitions, the destination 1

partition 0:
  note: a note
  missing: 1 record, source offset 7, of 2026-11-22T09:00:00Z
  doubled: 2 records, source offsets 5 to 6, copy offsets 9 to 10, first copied to offsets 0 to 1
  changed headers: 1 record, source offset 8, copy offset 4
  and 3 more, which are not listed; see --findings

partition 1:
  error: an error
`
	var report app.MirrorReport
	dec := json.NewDecoder(bytes.NewReader([]byte(text)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&report); err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	if err := printVerification(&got, &report); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
	// And the schema stays: all that was read is written again.
	var a, b any
	again, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	for from, to := range map[string]*any{text: &a, string(again): &b} {
		if err := json.Unmarshal([]byte(from), to); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("JSON (-read +written):\n%s", diff)
	}
}
