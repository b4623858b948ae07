package hec

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/audit"
)

func TestParseRule(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][metaCount]string{
		`topic=a -> index=i`: {metaIndex: "i"},
		"\t topic=* \u00a0 method=a.*  -> \n index=i host=h source=s sourcetype=st ": {"h", "s", "st", "i"},
		`header.a-b.c=* -> source="two words"`:                                       {metaSource: "two words"},
		`header."two words"=* -> "source=two words"`:                                 {metaSource: "two words"},
		`topic="->" -> source="a \"b\" \\ c" host=x=y`:                               {metaSource: `a "b" \ c`, metaHost: "x=y"},
		`topic=ä method="q\*" -> index=i`:                                            {metaIndex: "i"},
	} {
		r, err := parseRule(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, r.sets); diff != "" {
			t.Errorf("%s: settings (-want +got):\n%s", text, diff)
		}
	}
}

func TestPatterns(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		pattern, method string
		want            bool
	}{
		{"kafka.*", "kafka.Authentication", true},
		{"kafka.*", "kafka.a.b/c d", true},
		{"kafka.*", "mds.kafka.x", false},
		{"*", "", true},
		{"?", "", false},
		{"?", "é", true},
		{"a?c", "a/c", true},
		{"Delete*", "DeleteKafkaCluster", true},
		{"delete*", "DeleteKafkaCluster", false},
		{"{Create,Delete}*", "DeleteX", true},
		{"[!A]*", "AX", false},
		{`a\*`, "a*", true},
		{`a\*`, "ab", false},
		{`"a\*"`, "ab", false},
	} {
		r, err := parseRule("method=" + tc.pattern + " -> index=i")
		if err != nil {
			t.Fatal(err)
		}
		if got := r.holds(&audit.Record{}, audit.Event{Method: []byte(tc.method)}); got != tc.want {
			t.Errorf("%s matches %q: %v, want %v", tc.pattern, tc.method, got, tc.want)
		}
	}
}

// TestParseRuleMistakes: each names the rule, the place, and what is allowed.
func TestParseRuleMistakes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ text, want string }{
		{"", `"": no -> between`},
		{"topic=a", `"topic=a": no -> between conditions and settings; write topic=<pattern> -> index=<name>`},
		{"-> index=i", "no condition before ->; write topic=*"},
		{"topic=a ->", "no setting behind ->; settings are index="},
		{"topic=a->index=i", "no -> between"},
		{"topic a -> index=i", `at character 1, "topic": no condition; a condition is topic=`},
		{"topic=a Method=x -> index=i", `at character 9, "Method=x": "Method" is unknown; a condition is`},
		{"header.=x -> index=i", `"header." is unknown`},
		{"=x -> index=i", "no condition"},
		{"method= -> index=i", "the pattern is missing"},
		{"topic=ä topic=b -> index=i", `at character 9, "topic=b": topic is given twice, and both would have to hold; write two rules`},
		{"header.a=1 header.a=2 -> index=i", "header.a is given twice"},
		{"method={a -> index=i", "no pattern: "},
		{"topic=a -> index=i index=j", `at character 20, "index=j": index is set twice`},
		{"topic=a -> indx=i", `at character 12, "indx=i": no setting; settings are index=, source=, sourcetype= and host=`},
		{"topic=a -> source=two words", `at character 23, "words": no setting; settings are index=, source=, sourcetype= and host=; put a value with blanks`},
		{"topic=a -> index=", "the value of index is empty"},
		{"topic=a -> host=\"a\tb\"", "holds a control character"},
		{"topic=a -> index=i -> index=j", "a second ->"},
		{`topic=a -> source="open`, `the quote at character 19 is not closed`},
	} {
		_, errs := parseRules([]string{"topic=fine -> index=i", tc.text})
		if len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), "routes: rule 2, ") || !strings.Contains(errs[0].Error(), tc.want) {
			t.Errorf("%q: %v, want %q", tc.text, errs, tc.want)
		}
	}
}

// FuzzRule: no text breaks the parser, and what it takes routes an event.
func FuzzRule(f *testing.F) {
	f.Add(`topic=a* method="x y" header.h=? -> index=i source="a \"b\""`)
	f.Add(`topic=[a-z]{1,2}\`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRule(text)
		if err != nil {
			if err.Error() == "" {
				t.Error("a mistake without a text")
			}
			return
		}
		if r.sets == [metaCount]string{} || r.topic == nil && r.constant() {
			t.Errorf("%q was taken for a rule that says nothing", text)
		}
		r.holds(&audit.Record{Headers: []audit.Header{{Key: "h", Value: []byte(text)}}}, audit.Event{Method: []byte(text)})
	})
}

func TestValidateShape(t *testing.T) {
	t.Parallel()
	formatted := func(c *Config) { c.Formatted = true }
	raw := func(c *Config) { c.Endpoint = EndpointRaw }
	for _, tc := range []struct {
		name   string
		kind   func(*Config)
		change func(*Config)
		want   string // the beginning of the only mistake; "": none
	}{
		{"defaults", nil, nil, ""},
		{"all at once", nil, func(c *Config) {
			c.Index, c.IndexHeader, c.HostHeader = "i", "ix", "h"
			c.Routes, c.Fields, c.FieldHeaders = []string{"method=* header.a=b -> host=h"}, []string{"env=prod"}, []string{"region"}
		}, ""},
		{"a rule", nil, func(c *Config) { c.Routes = []string{"topic=a"} }, "routes: rule 1, "},
		{"a control character", nil, func(c *Config) { c.Host = "a\nb" }, `host: "a\nb" holds`},
		{"extraction beside a time", nil, func(c *Config) { c.AutoExtractTimestamp = true }, "auto_extract_timestamp: has no effect while a time is sent; set hec.time to none"},
		{"extraction", nil, func(c *Config) { c.AutoExtractTimestamp, c.Time = true, TimeNone }, ""},
		{"less than an event a day", nil, func(c *Config) { c.Limit.BytesPerDay = 1 << 20 }, "limit.bytes_per_day: 1048576 is less than one event may have"},
		{"the same, only told", nil, func(c *Config) { c.Limit.BytesPerDay, c.Limit.OnDailyLimit = 1<<20, DailyWarn }, ""},
		{"an event a day", nil, func(c *Config) { c.Limit.BytesPerDay = 5 << 20 }, ""},

		{"field without a value", nil, func(c *Config) { c.Fields = []string{"env"} }, `fields: "env" is no field; write name=value`},
		{"field with an empty value", nil, func(c *Config) { c.Fields = []string{"env="} }, `fields: "env=" is no field`},
		{"field with a blank", nil, func(c *Config) { c.Fields = []string{"my env=prod"} }, `fields: "my env=prod": no name for a field; allowed are`},
		{"field of the record", nil, func(c *Config) { c.Fields = []string{"kafka_offset=1"} }, `fields: "kafka_offset=1": this field names the kafka record`},
		{"field of Splunk", nil, func(c *Config) { c.Fields = []string{"index=1"} }, `fields: "index=1": this name is one of Splunk's own`},
		{"hidden field", nil, func(c *Config) { c.FieldHeaders = []string{"x=_time"} }, `field_headers: "x=_time": this name is one of Splunk's own`},
		{"a measurement", nil, func(c *Config) { c.Fields = []string{"metric_name:cpu=1"} }, `fields: "metric_name:cpu=1": with a field metric_name`},
		{"header that is no field", nil, func(c *Config) { c.FieldHeaders = []string{"x y"} }, `field_headers: "x y": no name for a field`},
		{"no header", nil, func(c *Config) { c.FieldHeaders = []string{"=a"} }, `field_headers: "=a" names no header`},
		{"twice", nil, func(c *Config) { c.Fields, c.FieldHeaders = []string{"a=1"}, []string{"b=a"} }, `field_headers: "b=a": the field is given twice`},

		{"formatted", formatted, nil, ""},
		{"formatted, extraction", formatted, func(c *Config) { c.Time, c.AutoExtractTimestamp = TimeNone, true }, ""},
		{"formatted, raw", formatted, raw, "formatted: the raw endpoint reads no HEC events; set hec.endpoint to event"},
		{"formatted, routes", formatted, func(c *Config) { c.Routes = []string{"topic=a -> index=i"} }, "routes: cannot be used with hec.formatted"},
		{"formatted, header", formatted, func(c *Config) { c.SourcetypeHeader = "st" }, "sourcetype_header: cannot be used with hec.formatted"},
		{"formatted, fields", formatted, func(c *Config) { c.Fields = []string{"a=b"} }, "fields: cannot be used with hec.formatted"},
		{"formatted, field headers", formatted, func(c *Config) { c.FieldHeaders = []string{"a"} }, "field_headers: cannot be used with hec.formatted"},
		{"formatted, record's time", formatted, func(c *Config) { c.Time = TimeRecord }, "time: record cannot be used with hec.formatted"},

		{"raw", raw, nil, ""},
		{"raw, no time", raw, func(c *Config) { c.Time = TimeNone }, ""},
		{"raw, routes by topic", raw, func(c *Config) { c.Routes = []string{"topic=a -> index=i"} }, ""},
		{"raw, routes by method", raw, func(c *Config) { c.Routes = []string{"topic=a -> index=i", "topic=a method=b -> index=i"} }, `routes: rule 2, "topic=a method=b -> index=i": the raw endpoint is told`},
		{"raw, routes by header", raw, func(c *Config) { c.Routes = []string{"header.a=b -> index=i"} }, "routes: rule 1"},
		{"raw, header", raw, func(c *Config) { c.IndexHeader = "i" }, "index_header: the raw endpoint takes nothing for a single event"},
		{"raw, fields", raw, func(c *Config) { c.Fields = []string{"a=b"} }, "fields: the raw endpoint takes nothing for a single event"},
		{"raw, record's time", raw, func(c *Config) { c.Time = TimeRecord }, "time: record cannot be used with the raw endpoint"},
		{"raw, extraction", raw, func(c *Config) { c.Time, c.AutoExtractTimestamp = TimeNone, true }, "auto_extract_timestamp: the raw endpoint always does that"},
		{"raw, no line breaker", raw, func(c *Config) { c.RawLineBreaker = "" }, "raw_line_breaker: empty"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := DefaultConfig()
			for _, change := range []func(*Config){tc.kind, tc.change} {
				if change != nil {
					change(&c)
				}
			}
			errs := c.validateShape()
			if tc.want == "" && len(errs) > 0 || tc.want != "" && (len(errs) != 1 || !strings.HasPrefix(errs[0].Error(), tc.want)) {
				t.Errorf("mistakes %q, want %q", errs, tc.want)
			}
		})
	}
}
