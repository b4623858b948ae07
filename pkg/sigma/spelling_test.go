package sigma

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSpellings(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ path, want string }{
		{"type", "type"},
		{"data.methodName", "data.methodName data.method_name"},
		{"data.method_name", "data.method_name data.methodName"},
		{"data.cloudResources{}.resource.resourceId", "data.cloudResources{}.resource.resourceId data.cloud_resources{}.resource.resource_id"},
		{"data.request.data.role_name", "data.request.data.role_name data.request.data.roleName"},
		{"data.requestMetadata.api_key", "data.requestMetadata.api_key data.request_metadata.api_key data.requestMetadata.apiKey"},
		{"aB{}{}.cD", "aB{}{}.cD a_b{}{}.c_d"},
		{"apiKeyID", "apiKeyID api_key_id"},
		{"resourceCRNName", "resourceCRNName resource_crn_name"},
		{"oauth2Token", "oauth2Token oauth2_token"},
		{"api_key_id", "api_key_id apiKeyId"},
		{"USER_ID", "USER_ID user_id userId"},
		{"_id", "_id"},
		{"_some_id_", "_some_id_ _someId_"},
		{"with space.a-b.äB", "with space.a-b.äB"},
		{"a-b.retention.ms.cD", "a-b.retention.ms.cD a-b.retention.ms.c_d"},
	} {
		path, err := ParsePath(test.path)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, p := range spellings(path) {
			got = append(got, p.text)
			again, err := ParsePath(p.text)
			if diff := cmp.Diff(again, p, cmp.AllowUnexported(Path{}, step{})); diff != "" || err != nil {
				t.Errorf("%s: %s is not what it reads as: %v %s", test.path, p, err, diff)
			}
		}
		if diff := cmp.Diff(test.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s: %s", test.path, diff)
		}
	}
}

func TestBothSpellings(t *testing.T) {
	t.Parallel()
	const camelCase, snakeCase = `{"methodName":"a","tagNames":["x"]}`, `{"method_name":"a","tag_names":["x"]}`
	for _, test := range []struct {
		rule, event string
		want        bool
	}{
		{"methodName: a", camelCase, true},
		{"methodName: a", snakeCase, true},
		{"method_name: a", camelCase, true},
		{"methodName: null", snakeCase, false},
		{"methodName: null", `{}`, true},
		{"methodName: null", `{"methodName":null}`, true},
		{"methodName: null", `{"methodName":null,"method_name":null}`, true},
		{"methodName: null", `{"methodName":"a","method_name":null}`, false},
		{"methodName|exists: false", snakeCase, false},
		{"methodName|exists: true", snakeCase, true},
		{"tagNames{}|all: [x, y]", `{"tagNames":["x"],"tag_names":["y"]}`, true},
		{"tagNames{}|all: [x, y]", snakeCase, false},
		{"methodName|fieldref: otherName", `{"method_name":"a","otherName":"A"}`, true},
		{"methodName|fieldref|all: [otherName, thirdName]", `{"methodName":"a","other_name":"A","thirdName":"a"}`, true},
		{"methodName|fieldref|all: [otherName, thirdName]", `{"methodName":"a","other_name":"A","thirdName":"b"}`, false},
		{"'|all': [methodName, x]", snakeCase, false},
	} {
		r := parseOne(t, "title: t\nlogsource: {product: p}\ndetection:\n  s:\n    "+test.rule+"\n  condition: s\n")
		before := r.Detection.Searches[0].Expr
		if got := matches(t, BothSpellings(r), test.event); got != test.want {
			t.Errorf("%s and %s: %t", test.rule, test.event, got)
		}
		negated := *r
		negated.Detection.Condition = Not{r.Detection.Condition}
		if got := matches(t, BothSpellings(&negated), test.event); got == test.want {
			t.Errorf("not %s and %s: %t", test.rule, test.event, got)
		}
		if r.Detection.Searches[0].Expr != before {
			t.Errorf("%s: the rule itself was changed", test.rule)
		}
	}
	if BothSpellings(&Rule{Title: "x"}).Detection.Condition != nil {
		t.Error("a rule without a condition has one")
	}
}

func parseOne(t *testing.T, text string) *Rule {
	t.Helper()
	rules, err := Parse("t.yml", []byte(text))
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rules[0]
}

func matches(t *testing.T, r *Rule, event string) bool {
	t.Helper()
	set, err := Compile([]*Rule{r})
	if err != nil {
		t.Fatal(err)
	}
	return len(set.NewMatcher().Match([]byte(event))) > 0
}

// TestTwinsMatchAlike asks random rules in one spelling about random events in
// the same spelling, and both of them in both spellings.
func TestTwinsMatchAlike(t *testing.T) {
	t.Parallel()
	rounds := 400
	if testing.Short() {
		rounds = 100
	}
	answers := map[bool]int{}
	for round := range rounds {
		d := dice{rand.New(rand.NewPCG(6, uint64(round)))}
		random := d.rule()
		if random.hasKeywords() {
			continue // names are looked at too, and they differ
		}
		var rules [2]*Rule
		for i, to := range []func(string) string{camelName, snakeName} {
			text := random.renamed(to).yaml()
			parsed, err := Parse("random.yml", []byte(text))
			if err != nil && strings.Contains(err.Error(), "no pattern of one") {
				break
			}
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			rules[i] = parsed[0]
		}
		if rules[0] == nil {
			continue
		}
		both := [2]*Rule{BothSpellings(rules[0]), BothSpellings(rules[1])}
		for range 8 {
			var b strings.Builder
			d.object(&b, 0)
			camels, snakes := renamedEvent(t, b.String(), camelName), renamedEvent(t, b.String(), snakeName)
			want := matches(t, rules[0], camels)
			answers[want]++
			for i, r := range both {
				for _, event := range []string{camels, snakes} {
					if matches(t, r, event) != want {
						t.Fatalf("round %d: rule %d matches\n%s\n%t, and\n%s\nhas %t", round, i, event, !want, random.renamed(camelName).yaml(), want)
					}
				}
			}
		}
	}
	if answers[true] < rounds/2 || answers[false] < rounds/2 {
		t.Errorf("answers %v: the rules hardly ever meet the events, or always do", answers)
	}
}

// camelName gives the short names of random events two words.
func camelName(name string) string {
	return strings.NewReplacer("a", "zipZap", "b", "wugWamOne", "c", "xY", "d", "qId2").Replace(name)
}

func snakeName(name string) string {
	return strings.NewReplacer("a", "zip_zap", "b", "wug_wam_one", "c", "x_y", "d", "q_id2").Replace(name)
}

func (r slowRule) hasKeywords() bool {
	for _, s := range r.searches {
		for _, tests := range s.maps {
			for _, t := range tests {
				if t.field == "" {
					return true
				}
			}
		}
	}
	return false
}

func (r slowRule) renamed(to func(string) string) slowRule {
	changed := slowRule{condition: r.condition}
	for _, s := range r.searches {
		search := slowSearch{name: s.name}
		for _, tests := range s.maps {
			var list []slowTest
			for _, t := range tests {
				if t.field = to(t.field); t.has("fieldref") {
					var fields []any
					for _, v := range t.values {
						fields = append(fields, to(v.(string)))
					}
					t.values = fields
				}
				list = append(list, t)
			}
			search.maps = append(search.maps, list)
		}
		changed.searches = append(changed.searches, search)
	}
	return changed
}

func renamedEvent(t *testing.T, event string, to func(string) string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(event))
	dec.UseNumber()
	var tree any
	if err := dec.Decode(&tree); err != nil {
		t.Fatal(err)
	}
	var rename func(v any) any
	rename = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			object := map[string]any{}
			for name, member := range v {
				object[to(name)] = rename(member)
			}
			return object
		case []any:
			for i := range v {
				v[i] = rename(v[i])
			}
		}
		return v
	}
	var b bytes.Buffer
	if err := json.NewEncoder(&b).Encode(rename(tree)); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
