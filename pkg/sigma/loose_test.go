package sigma

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// found is what a finder finds at one path, as it stands.
func found(t testing.TB, path, event string) []string {
	t.Helper()
	p, err := ParsePath(path)
	if err != nil {
		t.Fatal(err)
	}
	f := NewFinder([]Path{p})
	var texts []string
	for range 2 { // nothing is left of the call before
		f.Find([]byte(event))
		texts = nil
		for _, v := range f.Values(0) {
			texts = append(texts, event[v.Start:v.End])
		}
	}
	return texts
}

// TestFinder: a value that is to be hidden is found however the event has it.
func TestFinder(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, path, event string
		want              []string
	}{
		{"a member", "a.b", `{"x":1,"a":{"y":{"b":0},"b":"s"}}`, []string{`"s"`}},
		{"twice", "a.b", `{"a":{"b":1},"a":{"b":2,"b":3}}`, []string{"1", "2", "3"}},
		{"escapes in names", "a.b", `{"\u0061":{"\u0062":1}}`, []string{"1"}},
		{"dots in names", "a.b.c", `{"a.b":{"c":1},"a":{"b.c":2},"a.b.c":3}`, []string{"1", "2", "3"}},
		{"another case", "a.userName", `{"A":{"username":1,"USERNAME":2,"userNam\u0045":3}}`, []string{"1", "2", "3"}},
		{"another case beyond ASCII", "ä.straße", `{"Ä":{"STRAßE":1},"\u00c4":{"stra\u00dfe":2}}`, []string{"1", "2"}},
		{"an array that the path does not have", "a.b", `{"a":[{"b":1},[{"b":2}],3]}`, []string{"1", "2"}},
		{"an object in place of an array", "a{}.b", `{"a":{"b":1}}`, []string{"1"}},
		{"arrays in arrays", "a{}.b", `{"a":[[{"b":1}],{"b":2}]}`, []string{"1", "2"}},
		{"elements", "a{}", `{"a":["x",["y"],{"z":1}]}`, []string{`"x"`, `["y"]`, `{"z":1}`}},
		{"elements of elements", "a{}{}", `{"a":[["x","y"],"z"]}`, []string{`"x"`, `"y"`, `"z"`}},
		{"no array", "a{}", `{"a":"x"}`, []string{`"x"`}},
		{"the array itself", "a", `{"a":["x",{"y":1}]}`, []string{`["x",{"y":1}]`}},
		{"not what is beside it", "a.b", `{"b":1,"a":1,"ab":{"b":1},"c":{"a":{"b":1}},"a.":{"b":1}}`, nil},
	} {
		if diff := cmp.Diff(tc.want, found(t, tc.path, tc.event)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.name, diff)
		}
	}
}

// slowFind is TestFinderEqualsSlow's obvious way.
func slowFind(v any, steps []step, out *[]any) {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			slowFind(element, steps, out)
		}
	case map[string]any:
		for name, member := range v {
			parts := strings.Split(name, ".")
			if len(parts) > len(steps) || !slices.EqualFunc(parts, steps[:len(parts)], func(p string, s step) bool { return strings.EqualFold(p, s.name) }) {
				continue
			}
			if rest := steps[len(parts):]; len(rest) > 0 {
				slowFind(member, rest, out)
			} else {
				slowEnd(member, steps[len(steps)-1].arrays, out)
			}
		}
	}
}

func slowEnd(v any, arrays int, out *[]any) {
	if list, ok := v.([]any); ok && arrays > 0 {
		for _, element := range list {
			slowEnd(element, arrays-1, out)
		}
		return
	}
	*out = append(*out, v)
}

func TestFinderEqualsSlow(t *testing.T) {
	t.Parallel()
	all := 0
	for round := range 2000 {
		d := dice{rand.New(rand.NewPCG(5, uint64(round)))}
		var paths []Path
		for range 3 {
			text := d.path()
			if d.IntN(3) == 0 {
				text = strings.ToUpper(text)
			}
			p, err := ParsePath(text)
			if err != nil {
				t.Fatal(err)
			}
			paths = append(paths, p)
		}
		var b strings.Builder
		d.object(&b, 0)
		event := []byte(b.String())
		var tree any
		if err := json.Unmarshal(event, &tree); err != nil {
			t.Fatal(err)
		}
		f := NewFinder(paths)
		f.Find(event)
		for i, p := range paths {
			var got, want []string
			for _, v := range f.Values(i) {
				var value any
				if err := json.Unmarshal(event[v.Start:v.End], &value); err != nil {
					t.Fatalf("round %d: %s of %s: %q is no value", round, p, event, event[v.Start:v.End])
				}
				got = append(got, asJSON(t, value))
			}
			var values []any
			slowFind(tree, p.steps, &values)
			for _, v := range values {
				want = append(want, asJSON(t, v))
			}
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("round %d: %s of %s (-want +got):\n%s", round, p, event, diff)
			}
			all += len(got)
		}
	}
	if all < 1000 {
		t.Errorf("%d values found, want 1000 or more", all)
	}
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
