package config

import (
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

// TestTable holds the table of keys and the rooms' structs together.
func TestTable(t *testing.T) {
	t.Parallel()
	defaults, keys := Defaults(), Keys()
	envs := map[string]string{FileEnv: "the configuration file"}
	for _, k := range keys {
		if k.Doc == "" || !strings.HasSuffix(k.Doc, ".") || strings.Contains(k.Doc, "  ") {
			t.Errorf("%s: documentation is not made of sentences: %q", k.Name, k.Doc)
		}
		if other, taken := envs[k.Env()]; taken {
			t.Errorf("%s and %s share the variable %s", k.Name, other, k.Env())
		}
		envs[k.Env()] = k.Name
		if isServiceLink(k.Env()) {
			t.Errorf("%s: Kubernetes sets %s", k.Name, k.Env())
		}
		if k.Example == "" && !k.Secret {
			t.Errorf("%s: no example", k.Name)
		}
		if strings.HasSuffix(k.Name, fileSuffix) {
			if of, ok := lookup(keys, strings.TrimSuffix(k.Name, fileSuffix)); ok != of.FromFile {
				t.Errorf("%s: is a file of no key", k.Name)
			} else if ok {
				continue // it has no field
			}
		}
		v, ok := defaults.value(k.Name)
		if !ok {
			t.Errorf("%s: no field of Config has this name", k.Name)
			continue
		}
		if k.Secret != (reflect.TypeOf(v) == reflect.TypeFor[creds.Secret]()) {
			t.Errorf("%s: secret is %t, type is %T", k.Name, k.Secret, v)
		}
		for _, text := range append([]string{k.Example, k.text(v), k.Min, k.Max}, k.Values...) {
			parsed, err := k.parse(text)
			if text != "" && err != nil {
				t.Errorf("%s: %v", k.Name, err)
			}
			if text != "" && !reflect.TypeOf(parsed).ConvertibleTo(reflect.TypeOf(v)) {
				t.Errorf("%s: is %s in the table and %T in the struct", k.Name, k.Kind, v)
			}
		}
	}
	for _, name := range fieldNames("", reflect.TypeFor[Config]()) {
		if _, ok := lookup(keys, name); !ok {
			t.Errorf("%s is a field of Config and not in the table", name)
		}
	}
}

// fieldNames returns the dotted names of all fields that hold values.
func fieldNames(prefix string, typ reflect.Type) []string {
	if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[creds.Secret]() {
		return []string{strings.TrimSuffix(prefix, ".")}
	}
	var names []string
	for f := range typ.Fields() {
		names = append(names, fieldNames(prefix+f.Tag.Get("mapstructure")+".", f.Type)...)
	}
	return names
}

// TestBounds proves that the bounds and values in the table, which people
// read, are those that Validate holds.
func TestBounds(t *testing.T) {
	t.Parallel()
	load := func(k Key, text string) error {
		_, err := Load(Source{
			File: "testdata/good.minimal.yaml",
			Env: secretEnv("AUDITLOG_FORWARDER_HEC_BACKOFF_MIN=1ms", "AUDITLOG_FORWARDER_DEAD_LETTER_TOPIC_NAME=dead",
				"AUDITLOG_FORWARDER_DEAD_LETTER_TOPIC_BOOTSTRAP_SERVERS=dead:9092", "AUDITLOG_FORWARDER_DEAD_LETTER_TOPIC_SASL_USERNAME=u",
				"AUDITLOG_FORWARDER_DEAD_LETTER_TOPIC_SASL_PASSWORD=p",
				"AUDITLOG_FORWARDER_MIRROR_BOOTSTRAP_SERVERS=mine:9092", "AUDITLOG_FORWARDER_MIRROR_SASL_USERNAME=u", "AUDITLOG_FORWARDER_MIRROR_SASL_PASSWORD=p"),
			Flags: parseFlags(t, append(partners(k), "--"+k.Flag()+"="+text)...),
		})
		return err
	}
	for _, k := range Keys() {
		_, field := Defaults().value(k.Name)
		for _, text := range append([]string{k.Min, k.Max, k.Example}, k.Values...) {
			if text == "" || k.Secret || !field {
				continue
			}
			if err := load(k, text); err != nil {
				t.Errorf("%s allows %s in the table: %v", k.Name, text, err)
			}
		}
		for _, b := range []struct {
			text string
			step int64
		}{{k.Min, -1}, {k.Max, 1}} {
			if b.text == "" {
				continue
			}
			v, err := k.parse(b.text)
			if err != nil {
				t.Fatal(err)
			}
			n := reflect.ValueOf(v)
			beyond := reflect.New(n.Type()).Elem()
			beyond.SetInt(n.Int() + b.step)
			if err := load(k, k.text(beyond.Interface())); err == nil {
				t.Errorf("%s: %v is accepted, beyond %s", k.Name, beyond, b.text)
			}
		}
		if len(k.Values) > 0 {
			if err := load(k, "bogus"); err == nil {
				t.Errorf("%s: bogus is accepted", k.Name)
			}
		}
	}
}

// partners are the flags without which a key makes no sense.
func partners(k Key) []string {
	for cert, key := range map[string]string{"client_cert_file": "client_key_file", "client_key_file": "client_cert_file"} {
		if of, ok := strings.CutSuffix(k.Name, cert); ok {
			return []string{"--" + flagName(of+key) + "=x"}
		}
	}
	return nil
}

// TestEscaped: what a person writes is what a person is shown, in a shell and
// in YAML, and what is no escape is refused.
func TestEscaped(t *testing.T) {
	t.Parallel()
	k, _ := lookup(Keys(), "hec.raw_line_breaker")
	for value, text := range map[string]string{
		"\n": `\n`, "\r\n": `\r\n`, "\t": `\t`, `\`: `\\`, `\n`: `\\n`, "####": "####", " ": " ", "a\\\n": `a\\\n`, "\x01": "\x01",
	} {
		if got := k.text(value); got != text {
			t.Errorf("%q is shown as %s, want %s", value, got, text)
		}
		if got, err := k.parse(text); got != value || err != nil {
			t.Errorf("%s is read as %q (%v), want %q", text, got, err, value)
		}
		l, err := load(Source{Env: secretEnv()}, "c.yaml", []byte(minimal+"hec.raw_line_breaker: "+k.yaml(value)+"\n"), 0o600)
		if err != nil || l.HEC.RawLineBreaker != value {
			t.Errorf("%s in YAML is read as %q (%v), want %q", k.yaml(value), l.HEC.RawLineBreaker, err, value)
		}
		l, err = Load(Source{File: "testdata/good.minimal.yaml", Env: secretEnv(k.Env() + "=" + text)})
		if err != nil || l.HEC.RawLineBreaker != value {
			t.Errorf("%s in the environment is read as %q (%v), want %q", text, l.HEC.RawLineBreaker, err, value)
		}
	}
	for _, text := range []string{`\`, `\x`, `a\0`, `\\\`} {
		if v, err := k.parse(text); err == nil {
			t.Errorf("%s is read as %q", text, v)
		}
	}
}

// TestLists: one item needs no brackets, and commas within double quotes
// divide nothing.
func TestLists(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"": {}, " ": {}, "a": {"a"}, "a, b,c": {"a", "b", "c"}, ",": {"", ""},
		`x -> source="a, b" host=h, y -> index=i`: {`x -> source="a, b" host=h`, "y -> index=i"},
		`a",b`: {`a"`, "b"}, `"a,b",c"`: {`"a`, `b"`, `c"`},
	} {
		if diff := cmp.Diff(want, parseList(text)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", text, diff)
		}
	}
	one := strings.Replace(minimal, "https://s:8088", "https://a:8088, https://b:8088", 1)
	l, err := load(Source{Env: secretEnv()}, "c.yaml", []byte(one), 0o600)
	if diff := cmp.Diff([]string{"https://a:8088", "https://b:8088"}, l.HEC.URLs); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
