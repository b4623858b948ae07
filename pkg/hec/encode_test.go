package hec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/hec/hectest"
)

// testEncoder is an encoder with the defaults but for change.
func testEncoder(t testing.TB, change func(*Config)) *encoder {
	t.Helper()
	cfg := DefaultConfig()
	if change != nil {
		change(&cfg)
	}
	e, err := newEncoder(cfg, nil, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func header(key, value string) audit.Header { return audit.Header{Key: key, Value: []byte(value)} }

// encoded is what Splunk gets of a record, and as what it takes it.
func encoded(t *testing.T, e *encoder, rec audit.Record) (string, hectest.Event) {
	t.Helper()
	ev, err := audit.ReadEvent(rec.Value)
	if err != nil {
		t.Fatal(err)
	}
	return encodedAs(t, e, rec, ev)
}

func encodedAs(t *testing.T, e *encoder, rec audit.Record, ev audit.Event) (string, hectest.Event) {
	t.Helper()
	body, value, _, err := e.append([]byte("before"), &rec, ev)
	if err != nil {
		t.Fatal(err)
	}
	if got := body[value : value+len(rec.Value)]; !bytes.Equal(got, rec.Value) {
		t.Errorf("the value is said to stand at %d, where %q is", value, got)
	}
	text, found := bytes.CutPrefix(body, []byte("before"))
	if !found {
		t.Errorf("what stood before was changed: %q", body)
	}
	s := hectest.New()
	if code := post(t, s, text); code != 0 || s.Len() != 1 {
		t.Fatalf("Splunk answers code %d and has %d events of %s", code, s.Len(), text)
	}
	return string(text), s.Events()[0]
}

// post gives a body to a server without a network and returns the HEC code.
func post(t *testing.T, s *hectest.Server, body []byte) int {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/services/collector/event", bytes.NewReader(body))
	r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	var reply struct{ Code int }
	if err := json.Unmarshal(w.Body.Bytes(), &reply); err != nil {
		return -1
	}
	return reply.Code
}

// metaOf is an event's metadata as host|source|sourcetype|index, an empty part
// where Splunk's own default holds.
func metaOf(e hectest.Event) string {
	parts := []string{e.Host, e.Source, e.Sourcetype, e.Index}
	for i, byDefault := range []string{"example.com", "http:hectest", "httpevent", "main"} {
		if parts[i] == byDefault {
			parts[i] = ""
		}
	}
	return strings.Join(parts, "|")
}

func TestRouting(t *testing.T) {
	t.Parallel()
	rules := []string{
		`topic=confluent-* method=kafka.* -> index=kafka sourcetype="confluent audit kafka"`,
		`method=*Delete* -> index=deletions`,
		`header.region=eu-* header.tier=? -> host=europe`,
		`topic=confluent-audit-log-events -> index=audit source=events`,
		`topic=other -> index=other`,
		`topic=* -> index=rest`,
	}
	for _, tc := range []struct {
		name, topic, method string
		headers             []audit.Header
		change              func(*Config)
		want                string
	}{
		{"no rule holds but the last", "x", "mds.Authorize", nil, nil, "h|s|st|rest"},
		{"by topic", "other", "mds.Authorize", nil, nil, "h|s|st|other"},
		{"the star takes dots, and the first rule wins", "confluent-audit-log-events", "kafka.a.b/Delete", nil, nil, "h|events|confluent audit kafka|kafka"},
		{"the second rule, for the topic's missing condition", "x", "kafka.Delete", nil, nil, "h|s|st|deletions"},
		{"fields of several rules", "confluent-audit-log-events", "DeleteEnvironment", []audit.Header{header("region", "eu-1"), header("tier", "1")}, nil, "europe|events|st|deletions"},
		{"one header of two", "other", "x", []audit.Header{header("region", "eu-1")}, nil, "h|s|st|other"},
		{"any of repeated headers", "other", "x", []audit.Header{header("region", "us"), header("region", "eu-1"), header("tier", "é")}, nil, "europe|s|st|other"},
		{"no method", "confluent-audit-log-events", "", nil, nil, "h|events|st|audit"},
		{"a header before rules", "other", "x", []audit.Header{header("ix", "named")}, func(c *Config) { c.IndexHeader = "ix" }, "h|s|st|named"},
		{
			"headers for all", "other", "x",
			[]audit.Header{header("a", "A"), header("b", "B"), header("c", `C "c"`), header("d", "d")},
			func(c *Config) { c.HostHeader, c.SourceHeader, c.SourcetypeHeader, c.IndexHeader = "a", "b", "c", "d" }, `A|B|C "c"|d`,
		},
		{"no such header", "other", "x", []audit.Header{header("ix2", "named")}, func(c *Config) { c.IndexHeader = "ix" }, "h|s|st|other"},
		{"the last of repeated headers", "other", "x", []audit.Header{header("ix", "one"), header("ix", "two")}, func(c *Config) { c.IndexHeader = "ix" }, "h|s|st|two"},
		{"the last that can be used", "other", "x", []audit.Header{header("ix", "one"), header("ix", "")}, func(c *Config) { c.IndexHeader = "ix" }, "h|s|st|one"},
		{"nothing configured", "other", "x", nil, func(c *Config) { c.Host, c.Source, c.Sourcetype, c.Routes = "", "", "", nil }, "|||"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := testEncoder(t, func(c *Config) {
				c.Host, c.Source, c.Sourcetype, c.Index, c.Routes = "h", "s", "st", "", rules
				if tc.change != nil {
					tc.change(c)
				}
			})
			rec := audit.Record{Topic: tc.topic, Headers: tc.headers, Value: fmt.Appendf(nil, `{"data":{"methodName":%q}}`, tc.method)}
			for range 2 { // anew, and as it is remembered
				if _, got := encoded(t, e, rec); metaOf(got) != tc.want {
					t.Errorf("sent with %s, want %s", metaOf(got), tc.want)
				}
			}
		})
	}
}

// TestRoutingRemembersRightly: events that differ in one thing that a rule asks
// for must not share what is remembered, however their parts are divided.
func TestRoutingRemembersRightly(t *testing.T) {
	t.Parallel()
	e := testEncoder(t, func(c *Config) {
		c.Routes = []string{"method=a header.x=b header.y=c -> index=abc", "method=ab -> index=ab", "header.x=bc -> index=bc", "header.y=* -> index=y"}
	})
	long := strings.Repeat("l", 300)
	for _, tc := range []struct {
		method  string
		headers []audit.Header
		want    string
	}{
		{"a", []audit.Header{header("x", "b"), header("y", "c")}, "abc"},
		{"ab", []audit.Header{header("y", "c")}, "ab"},
		{"a", []audit.Header{header("x", "bc")}, "bc"},
		{"a", []audit.Header{header("x", "b"), header("x", "c")}, ""},
		{"a", []audit.Header{header("y", "bc")}, "y"},
		{"a", []audit.Header{header("y", "")}, "y"},
		{"a", nil, ""},
		{long, []audit.Header{header("x", "bc")}, "bc"},
		{long, []audit.Header{header("y", "bc")}, "y"},
		{"", []audit.Header{header("y", long)}, "y"},
		{"b", []audit.Header{header("x", "b"), header("y", "c")}, "y"},
		{"", []audit.Header{header("x", "bc"), header("x", "d")}, "bc"},
		{"", []audit.Header{header("x", "bc\x00d")}, ""},
		{"", []audit.Header{header("x", "bc\x00\x00d")}, ""},
	} {
		rec := audit.Record{Topic: "t", Headers: tc.headers, Value: fmt.Appendf(nil, `{"data":{"methodName":%q}}`, tc.method)}
		for range 2 {
			if _, got := encoded(t, e, rec); strings.TrimPrefix(got.Index, "main") != tc.want {
				t.Errorf("%.20s %v: index %q, want %q", tc.method, tc.headers, got.Index, tc.want)
			}
		}
	}
	for key := range e.topic("t").known.all() {
		if len(key) >= len(long) {
			t.Errorf("a key of %d bytes is remembered", len(key))
		}
	}
}

// TestMemoIsBounded: topics and methods come from outside.
func TestMemoIsBounded(t *testing.T) {
	t.Parallel()
	e := testEncoder(t, func(c *Config) { c.Routes = []string{"method=m1* -> index=one"} })
	for i := range maxMemo + 200 {
		method := fmt.Sprintf("m%d", i)
		rec := audit.Record{Topic: "t", Value: fmt.Appendf(nil, `{"data":{"methodName":%q}}`, method)}
		want := ""
		if strings.HasPrefix(method, "m1") {
			want = "one"
		}
		body, _, _, err := e.append(nil, &rec, audit.Event{Method: []byte(method)})
		if err != nil || strings.Contains(string(body), `"index":"one"`) != (want != "") {
			t.Fatalf("%s: %s, %v", method, body, err)
		}
		e.topic(fmt.Sprintf("topic-%d", i))
	}
	if n := len(e.topic("t").known.all()); n != maxMemo {
		t.Errorf("%d methods are remembered, want %d", n, maxMemo)
	}
	if n := len(e.topics.all()); n != maxMemo {
		t.Errorf("%d topics are remembered, want %d", n, maxMemo)
	}
}

// TestHeadersThatCannotBeUsed: the event goes all the same, without the header.
func TestHeadersThatCannotBeUsed(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string][]byte{
		"nil": nil, "empty": {}, "no UTF-8": {0xff, 0xfe}, "a control character": []byte("a\nb"), "DEL": {0x7f}, "too long": bytes.Repeat([]byte("x"), maxMeta+1),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := testEncoder(t, func(c *Config) { c.Index, c.IndexHeader, c.HostHeader = "fixed", "ix", "h" })
			_, got := encoded(t, e, audit.Record{Topic: "t", Value: []byte(`{"a":1}`), Headers: []audit.Header{{Key: "ix", Value: bad}, header("h", "good")}})
			if got.Index != "fixed" || got.Host != "good" {
				t.Errorf("index %q, host %q", got.Index, got.Host)
			}
			if n := testutil.ToFloat64(e.ignored); n != 1 {
				t.Errorf("%v headers counted, want 1", n)
			}
		})
	}
}

func TestFields(t *testing.T) {
	t.Parallel()
	const place = `"kafka_topic":"a \"topic\"","kafka_partition":"2","kafka_offset":"7"`
	for _, tc := range []struct {
		name           string
		fixed, headers []string
		record         []audit.Header
		want           string
	}{
		{"none", nil, nil, []audit.Header{header("region", "eu")}, ""},
		{"fixed", []string{"env=prod", `text=a=b "c"`}, nil, nil, `,"env":"prod","text":"a=b \"c\""`},
		{"by header", nil, []string{"region", "x-y=team", "gone"}, []audit.Header{header("x-y", "sec\tü"), header("region", "eu"), header("other", "o")}, `,"region":"eu","team":"sec\u0009ü"`},
		{"both", []string{"env=prod"}, []string{"region"}, []audit.Header{header("region", "eu")}, `,"env":"prod","region":"eu"`},
		{"a repeated header is a list", nil, []string{"r", "s"}, []audit.Header{header("r", "1"), header("s", "x"), header("r", "2"), header("r", "3")}, `,"r":["1","2","3"],"s":"x"`},
		{"no text", nil, []string{"r"}, []audit.Header{header("r", "\xff\x00")}, `,"r":"base64:/wA="`},
		{"empty ones are left out", nil, []string{"r"}, []audit.Header{header("r", ""), {Key: "r"}}, ""},
		{"one header, two fields", nil, []string{"r=a", "r=b"}, []audit.Header{header("r", "1")}, `,"a":"1","b":"1"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := testEncoder(t, func(c *Config) { c.Fields, c.FieldHeaders = tc.fixed, tc.headers })
			rec := audit.Record{Topic: `a "topic"`, Partition: 2, Offset: 7, Value: []byte(`{"a":1}`), Headers: tc.record}
			_, got := encoded(t, e, rec)
			if diff := cmp.Diff("{"+place+tc.want+"}", string(got.Fields)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
		})
	}
}

func TestTime(t *testing.T) {
	t.Parallel()
	const own, none = `{"time":"2026-11-01T00:00:01.25Z"}`, `{"a":1}`
	kafka := time.UnixMilli(1793491200007)
	for _, tc := range []struct {
		name, mode, value string
		record            time.Time
		want              string
		fallback          bool
	}{
		{"the event's", TimeEvent, own, kafka, "1793491201.25", false},
		{"else the record's", TimeEvent, none, kafka, "1793491200.007", true},
		{"else none", TimeEvent, none, time.Time{}, "", true},
		{"nothing before 1970", TimeEvent, none, time.UnixMilli(-5), "", true},
		{"the record's", TimeRecord, own, kafka, "1793491200.007", false},
		{"the record has none", TimeRecord, own, time.Time{}, "", false},
		{"none", TimeNone, own, kafka, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := testEncoder(t, func(c *Config) { c.Time = tc.mode })
			rec := audit.Record{Topic: "t", Value: []byte(tc.value), Timestamp: tc.record}
			if _, got := encoded(t, e, rec); got.RawTime != tc.want {
				t.Errorf("time %q, want %q", got.RawTime, tc.want)
			}
			ev, _ := audit.ReadEvent(rec.Value)
			if _, _, asked, _ := e.append(nil, &rec, ev); asked == tc.fallback {
				t.Errorf("fallback %v, want %v", !asked, tc.fallback)
			}
		})
	}
}

func TestConfigured(t *testing.T) {
	t.Parallel()
	e := testEncoder(t, func(c *Config) {
		c.Index, c.IndexHeader, c.Routes = "fixed", "ix", []string{"topic=a -> index=routed", "topic=b -> host=h"}
	})
	for index, want := range map[string]bool{"": true, "fixed": true, "routed": true, "from_a_header": false} {
		if got := e.configured(index); got != want {
			t.Errorf("%q is configured: %v, want %v", index, got, want)
		}
	}
	if e := testEncoder(t, func(c *Config) { c.Index, c.Formatted = "fixed", true }); e.configured("fixed") {
		t.Error("with hec.formatted every index comes from the values, but one is said to be configured")
	}
	if e := testEncoder(t, func(c *Config) { c.Endpoint = EndpointRaw }); !e.configured("anything") {
		t.Error("on the raw endpoint every index comes from the configuration, but one is said not to")
	}
}

// FuzzAppend: whatever stands in headers and topic, Splunk takes the event and
// none of its neighbours breaks.
func FuzzAppend(f *testing.F) {
	f.Add("topic", "region", "eu", []byte(`a "b" \ `), int64(0))
	f.Add("t\x00\xff", "ix", "main", []byte("\xff"), int64(-1))
	f.Fuzz(func(t *testing.T, topic, name, value string, field []byte, ms int64) {
		if !utf8.ValidString(topic) {
			return // no topic has such a name
		}
		e := testEncoder(t, func(c *Config) {
			c.Routes, c.SourceHeader, c.Time = []string{"header.region=e* -> host=europe"}, "src", TimeRecord
			c.FieldHeaders = []string{"f"}
		})
		rec := audit.Record{
			Topic: topic, Value: []byte(`{"a":1}`), Timestamp: time.UnixMilli(ms % (1 << 41)),
			Headers: []audit.Header{header(name, value), {Key: "f", Value: field}, {Key: "src", Value: field}, {Key: "f", Value: []byte(value)}},
		}
		var body []byte
		for range 2 {
			var err error
			if body, _, _, err = e.append(body, &rec, audit.Event{}); err != nil {
				t.Fatal(err)
			}
		}
		s := hectest.New()
		if code := post(t, s, body); code != 0 || s.Len() != 2 {
			t.Fatalf("code %d, %d events of %s", code, s.Len(), body)
		}
		var got struct {
			KafkaTopic string `json:"kafka_topic"`
		}
		if err := json.Unmarshal(s.Events()[1].Fields, &got); err != nil || got.KafkaTopic != topic {
			t.Errorf("topic %q came as %q: %v", topic, got.KafkaTopic, err)
		}
	})
}

// BenchmarkAppend is the encoder alone; its baseline is copying the body.
func BenchmarkAppend(b *testing.B) {
	value := []byte(`{"time":"2026-11-01T18:14:20.929608274Z","data":{"methodName":"kafka.Authentication"},"id":"` + strings.Repeat("x", 1410) + `"}`)
	plain := audit.Record{Topic: "confluent-audit-log-events", Partition: 3, Offset: 123456789, Value: value}
	headed := plain
	headed.Headers = []audit.Header{header("content-type", "application/cloudevents+json; charset=UTF-8"), header("region", "eu-central-1")}
	ev, err := audit.ReadEvent(value)
	if err != nil {
		b.Fatal(err)
	}
	buf := make([]byte, 0, 4096)
	for _, bc := range []struct {
		name   string
		rec    *audit.Record
		change func(*Config)
	}{
		{"Append", &plain, nil},
		{"Append/headers=unused", &headed, nil},
		{"Append/routes=topic", &plain, func(c *Config) {
			c.Routes = []string{"topic=other -> index=x", "topic=confluent-* -> index=audit host=h"}
		}},
		{"Append/routes=method", &plain, func(c *Config) {
			c.Routes = []string{"method=mds.* -> index=x", "method=*.Authentication -> index=authentication", "topic=* -> index=audit"}
		}},
		{"Append/routes=header", &headed, func(c *Config) {
			c.Routes = []string{"header.region=us-* -> index=us", "header.region=eu-* method=kafka.* -> index=eu", "topic=* -> index=audit"}
		}},
		{"Append/index_header", &headed, func(c *Config) { c.IndexHeader = "region" }},
		{"Append/routed", &plain, nil},
		{"Append/field_headers", &headed, func(c *Config) { c.FieldHeaders = []string{"region"} }},
		{"Append/formatted", &audit.Record{Topic: "t", Value: append(append([]byte(`{"time":1793491200.250,"index":"audit","event":`), value...), '}')}, func(c *Config) { c.Formatted = true }},
		{"Append/raw", &plain, func(c *Config) { c.Endpoint = EndpointRaw }},
	} {
		b.Run(bc.name, func(b *testing.B) {
			enc, ev := testEncoder(b, bc.change), ev
			if bc.name == "Append/routed" {
				ev.Route = &audit.Route{Index: "security"}
			}
			b.ReportAllocs()
			for b.Loop() {
				buf, _, _, _ = enc.append(buf[:0], bc.rec, ev)
			}
		})
	}
	b.Run("baseline=copy", func(b *testing.B) {
		for b.Loop() {
			buf = append(buf[:0], value...)
		}
	})
}

func counted(c prometheus.Collector) float64 { return testutil.ToFloat64(c) }
