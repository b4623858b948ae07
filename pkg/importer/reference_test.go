package importer

import (
	"bytes"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestReference holds docs/connect.md to the rules.
func TestReference(t *testing.T) {
	t.Parallel()
	const path, begin = "../../docs/connect.md", "<!-- From here on written by go test ./pkg/importer -update -->\n\n"
	var want bytes.Buffer
	if err := WriteReference(&want); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, got, found := strings.Cut(string(data), begin)
	if !found {
		t.Fatalf("%s has no line %q", path, begin)
	}
	if updating() {
		if err := os.WriteFile(path, []byte(head+begin+want.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want.String() {
		t.Errorf("the tables of %s are not those of the rules; run go test ./pkg/importer -update", path)
	}
}

// TestRulesAreOnce: a property has one rule in its table, and names keys that
// there are.
func TestRulesAreOnce(t *testing.T) {
	t.Parallel()
	for _, table := range tables() {
		seen := map[string]bool{}
		for _, r := range table.rules {
			if seen[r.name] {
				t.Errorf("%s: %s stands there twice", table.title, r.name)
			}
			seen[r.name] = true
			if r.verdict != Translated && r.text == "" {
				t.Errorf("%s: %s has no reason", table.title, r.name)
			}
			for _, key := range r.with("kafka").keys {
				if _, ok := lookupKey(key); !ok {
					t.Errorf("%s: %s names the key %s, which there is not", table.title, r.name, key)
				}
			}
			if r.verdict == Translated && r.apply == nil {
				t.Errorf("%s: %s is said to be translated, and nothing does it", table.title, r.name)
			}
		}
	}
}

// TestRoutingAgrees holds the table of docs/routing.md to the rules: what it
// translates is translated to the same key, and what it says is not needed or
// not there is not translated.
func TestRoutingAgrees(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("../../docs/routing.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(data), "## From Splunk's and Confluent's connectors")
	if !found {
		t.Fatal("docs/routing.md has no such table")
	}
	word := regexp.MustCompile("`([^`]+)`")
	rules := slices.Concat(splunkRules(), connectorRules(), managedRules())
	rows := 0
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) < 4 || strings.HasPrefix(cells[1], "---") || strings.TrimSpace(cells[1]) == "property" {
			continue
		}
		rows++
		var keys []string
		for _, m := range word.FindAllStringSubmatch(cells[2], -1) {
			name, _, _ := strings.Cut(m[1], ":")
			if _, ok := lookupKey(name); ok {
				keys = append(keys, name)
			}
		}
		none := regexp.MustCompile(`^(none|always)\b`).MatchString(strings.TrimSpace(cells[2]))
		before := ""
		for _, m := range word.FindAllStringSubmatch(cells[1], -1) {
			name, _, _ := strings.Cut(m[1], ":")
			if strings.HasPrefix(name, ".") { // the property before it, with another end
				prefix := before
				for _, known := range rules {
					if i := strings.LastIndex(prefix, "."); i > 0 && known.name == prefix[:i]+name {
						name = known.name
					}
				}
				for i := strings.LastIndex(prefix, "."); strings.HasPrefix(name, ".") && i > 0; i = strings.LastIndex(prefix[:i], ".") {
					if _, ok := match(rules, prefix[:i]+name); ok && exact(rules, prefix[:i]+name) {
						name = prefix[:i] + name
					}
				}
			} else {
				before = name
			}
			r, ok := match(rules, name)
			if rest, is := strings.CutPrefix(name, "consumer.override."); is {
				r, ok = match(consumerRules(), rest)
			}
			switch {
			case !ok:
				t.Errorf("no rule knows %s of docs/routing.md", name)
			case none && r.verdict == Translated && !slices.Contains([]string{"errors.deadletterqueue.topic.name"}, name):
				t.Errorf("docs/routing.md has none for %s, and the rules translate it to %v", name, r.keys)
			case !none && r.verdict == Translated && !slices.ContainsFunc(r.keys, func(k string) bool { return slices.Contains(keys, k) }):
				t.Errorf("docs/routing.md has %v for %s, and the rules have %v", keys, name, r.keys)
			}
		}
	}
	if rows < 30 {
		t.Errorf("%d rows were read", rows)
	}
}

func exact(rules []rule, name string) bool {
	return slices.ContainsFunc(rules, func(r rule) bool { return r.name == name })
}
