package importer

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func offsetFile(tb testing.TB, name string) []byte {
	tb.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name+".offsets.base64"))
	if err != nil {
		tb.Fatal(err)
	}
	data, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

// The files were written by Java 17's ObjectOutputStream.
func TestOffsetFile(t *testing.T) {
	t.Parallel()
	docs, err := Read("connect.offsets", offsetFile(t, "full"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Offset{
		{Connector: "splunk-audit", Topic: "confluent-audit-log-events", Partition: 0, Next: 4711},
		{Connector: "splunk-audit", Topic: "confluent-audit-log-events", Partition: 1, Next: 12},
	}
	if diff := cmp.Diff(want, docs[0].Offsets); diff != "" {
		t.Error(diff)
	}
	if len(docs[0].Dropped) != 2 {
		t.Errorf("%v are named beside, want the two of source connectors", docs[0].Dropped)
	}
	res, err := Import(docs, Options{Name: "c.yaml"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := res.Next[0], "auditlog-forwarder offsets reset --config c.yaml --topic confluent-audit-log-events --partition 0 --to-offset 4711 --allow-skip --yes   (what lies before it the connector has sent)"; got != want {
		t.Errorf("the next step is %q, want %q", got, want)
	}
	docs, err = Read("connect.offsets", offsetFile(t, "empty"))
	if err != nil || len(docs[0].Offsets) > 0 || len(docs[0].Notes) != 1 || !strings.Contains(docs[0].Notes[0], "consumer group") {
		t.Errorf("of an empty file: %v, error %v", docs, err)
	}
}

// TestOffsetFileCut: wherever the file ends early, and whichever byte is
// wrong, there is an error or what the bytes say, and never a crash.
func TestOffsetFileCut(t *testing.T) {
	t.Parallel()
	whole := offsetFile(t, "full")
	for n := range whole {
		if _, err := readJavaMap(whole[:n]); err == nil {
			t.Errorf("cut off at byte %d, there is no error", n)
		}
		for _, b := range []byte{0, 0x7f, 0xff} {
			wrong := bytes.Clone(whole)
			wrong[n] = b
			_, _ = readJavaMap(wrong)
		}
	}
}

func TestReadMistakes(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct{ path, data, want string }{
		"empty":          {"a.json", " \n", "a.json: is empty"},
		"cut JSON":       {"a.json", `{"name":"SECRET`, "is not JSON"},
		"list":           {"a.json", `["SECRET"]`, "is no JSON object"},
		"two objects":    {"a.json", `{"a":"b"}{"SECRET":1}`, "something behind"},
		"two connectors": {"a.json", `{"a":{"info":{"config":{"x":"1"}}},"b":{"info":{"config":{"x":"SECRET"}}}}`, "holds 2 connectors"},
		"bad escape":     {"a.properties", "connector.class=x\npassword=SECRET\\u00zz", "a.properties: line 2 is no property"},
		"only comments":  {"a.properties", "# SECRET", "holds no property"},
		"no services":    {"a.yml", "x: SECRET", "has no services"},
		"no YAML":        {"a.yml", "services: [SECRET", "is not YAML"},
		"serialized":     {"o", "\xac\xed\x00\x05SECRET", "begins as an offset file"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			docs, err := Read(tt.path, []byte(tt.data))
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "SECRET") {
				t.Errorf("read %v, error %v; want one with %q", docs, err, tt.want)
			}
		})
	}
}

func TestPropertiesFile(t *testing.T) {
	t.Parallel()
	docs, err := Read("dir/c.properties", []byte("! comment \\\n# too\r\nname = a\\\n   b\\tc\nconnector.class:x\\\\\n\nsplunk.sources ${not.expanded}\nu=\\u00e9\xe9\nname=last\nnothing\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Property{
		{"connector.class", `x\`, "c.properties:5"},
		{"splunk.sources", "${not.expanded}", "c.properties:7"},
		{"u", "éé", "c.properties:8"},
		{"name", "last", "c.properties:9"},
		{"nothing", "", "c.properties:10"},
	}
	if diff := cmp.Diff(want, docs[0].Props); diff != "" {
		t.Error(diff)
	}
	if d := docs[0].Dropped; len(d) != 1 || d[0].Where != "c.properties:3" {
		t.Errorf("of what is given twice is said %v", d)
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"CONNECT_CONSUMER_SASL_JAAS_CONFIG": "consumer.sasl.jaas.config",
		"CONNECT_A__B___C_D":                "a-b_c.d",
	} {
		if got := propertyOf(name, workerPrefix); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
}

func TestJAAS(t *testing.T) {
	t.Parallel()
	const plain = "org.apache.kafka.common.security.plain.PlainLoginModule"
	for name, tt := range map[string]struct {
		text string
		want map[string]string // nil: an error
	}{
		"double quotes":   {plain + ` required username="u" password="p";`, map[string]string{"username": "u", "password": "p"}},
		"single quotes":   {plain + ` required username='u' password='p"q';`, map[string]string{"username": "u", "password": `p"q`}},
		"no quotes":       {plain + ` required username=u password=p+/==;`, nil},
		"plain words":     {plain + ` required username=u password=p+/;`, map[string]string{"username": "u", "password": "p+/"}},
		"escapes":         {plain + ` required password="a\"b\\c\x\101\7";`, map[string]string{"password": "a\"b\\cxA\a"}},
		"semicolon in it": {plain + ` required password="a;b=c";`, map[string]string{"password": "a;b=c"}},
		"blanks, lines":   {"\n" + plain + "\n  required\n username = \"u\"\n;\n", map[string]string{"username": "u"}},
		"comments":        {"// one\n" + plain + " /* two */ required a=b;", map[string]string{"a": "b"}},
		"no semicolon":    {plain + ` required a="b"`, map[string]string{"a": "b"}},
		"empty":           {" ", nil},
		"no flag":         {plain, nil},
		"open quote":      {plain + ` required password="SECRET`, nil},
		"no value":        {plain + ` required password=;`, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := parseJAAS(tt.text)
			switch {
			case tt.want == nil && (err == nil || strings.Contains(err.Error(), "SECRET")):
				t.Errorf("read %v, error %v", got, err)
			case tt.want == nil:
			case err != nil || len(got) != 1 || got[0].name() != "PlainLoginModule":
				t.Errorf("read %v, error %v", got, err)
			default:
				if diff := cmp.Diff(tt.want, got[0].options); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func FuzzJAAS(f *testing.F) {
	f.Add(`a.PlainLoginModule required username="u" password='p\101';`)
	f.Fuzz(func(t *testing.T, text string) {
		modules, err := parseJAAS(text)
		if err == nil && len(modules) == 0 {
			t.Error("neither a module nor an error")
		}
	})
}

func FuzzJavaMap(f *testing.F) {
	f.Add(offsetFile(f, "full"))
	f.Add(offsetFile(f, "empty"))
	f.Fuzz(func(t *testing.T, data []byte) {
		pairs, err := readJavaMap(data)
		total := 0
		for _, p := range pairs {
			total += len(p.key)
		}
		if err == nil && len(pairs) > len(data) {
			t.Errorf("%d entries out of %d bytes", len(pairs), len(data))
		}
		_ = total
	})
}

// FuzzRead: whatever a file holds, each property that is read is told of, and
// what is written is one YAML document that says nothing of its own.
func FuzzRead(f *testing.F) {
	for _, pattern := range []string{"testdata/published/*/*.*"} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(filepath.Base(p), data)
		}
	}
	f.Add("connect.offsets", offsetFile(f, "full"))
	f.Fuzz(func(t *testing.T, path string, data []byte) {
		docs, err := ReadAll([]string{path}, func(string) ([]byte, error) { return data, nil })
		if err != nil {
			return
		}
		count := 0
		for _, d := range docs {
			count += len(d.Props) + len(d.Dropped)
		}
		res, err := Import(docs, Options{ContinueGroup: true, SecretsDir: "s", Name: "config.yaml"})
		if err != nil {
			return
		}
		if !res.HasConfig() && len(res.Next) == 0 && count > 0 && len(docs) == 0 {
			t.Error("nothing comes of it")
		}
		if len(res.Findings) < count {
			t.Errorf("%d properties, and %d are told of", count, len(res.Findings))
		}
		for _, m := range res.Mistakes {
			if strings.Contains(m, "not YAML") || strings.Contains(m, "unknown key") || strings.Contains(m, "given twice at") {
				t.Errorf("what is written is broken: %s\n%s", m, res.YAML())
			}
		}
	})
}
