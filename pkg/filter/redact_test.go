package filter

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/creds"
)

// around finds the cut of a value by its text.
func around(t *testing.T, body, text, with string) cut {
	t.Helper()
	from := strings.Index(body, text)
	if from < 0 {
		t.Fatalf("%s is not in %s", text, body)
	}
	c := cut{from: from, to: from + len(text)}
	if with != "" {
		c.with = []byte(with)
	}
	return c
}

func hashOf(key, text string) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(text))
	return `"` + hex.EncodeToString(mac.Sum(nil)[:16]) + `"`
}

func TestOperate(t *testing.T) {
	t.Parallel()
	const key = "key"
	const body = ` {"a" : "x\u00e9\"y", "n":12.50,"o":{"p":"q", "r":[1,"s"]},"z":null, "e":"" } `
	type replaced struct{ text, with string }
	for _, tc := range []struct {
		name string
		cuts []replaced
		want [][2]string // replacements in body, in order
	}{
		{"a string", []replaced{{`"q"`, `"R"`}}, [][2]string{{`"q"`, `"R"`}}},
		{"a number becomes a string", []replaced{{`12.50`, `"R"`}}, [][2]string{{`12.50`, `"R"`}}},
		{"in any order", []replaced{{`"s"`, `"S"`}, {`"q"`, `"Q"`}}, [][2]string{{`"q"`, `"Q"`}, {`"s"`, `"S"`}}},
		{"null stays", []replaced{{`null`, `"R"`}, {`null`, ""}}, nil},
		{"the outer one", []replaced{{`"q"`, `"Q"`}, {`{"p":"q", "r":[1,"s"]}`, `"O"`}, {`"s"`, `"S"`}}, [][2]string{{`{"p":"q", "r":[1,"s"]}`, `"O"`}}},
		{"the first rule", []replaced{{`"q"`, `"1"`}, {`"q"`, `"2"`}}, [][2]string{{`"q"`, `"1"`}}},
		{"a hash is of what the string says", []replaced{{`"x\u00e9\"y"`, ""}}, [][2]string{{`"x\u00e9\"y"`, hashOf(key, "xé\"y")}}},
		{"a hash of a number", []replaced{{`12.50`, ""}}, [][2]string{{`12.50`, hashOf(key, "12.50")}}},
		{"a hash of nothing", []replaced{{`""`, ""}}, [][2]string{{`""`, hashOf(key, "")}}},
		{"a hash of an object", []replaced{{`{"p":"q", "r":[1,"s"]}`, ""}}, [][2]string{{`{"p":"q", "r":[1,"s"]}`, hashOf(key, `{"p":"q", "r":[1,"s"]}`)}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := newSurgeon(creds.NewSecret(key))
			for range 2 { // nothing may be left of the call before
				for _, c := range tc.cuts {
					s.add([]byte(body), around(t, body, c.text, c.with))
				}
				want := body
				for _, w := range tc.want {
					want = strings.Replace(want, w[0], w[1], 1)
				}
				got := s.operate([]byte(body))
				if len(tc.want) == 0 && got != nil || len(tc.want) > 0 && string(got) != want {
					t.Errorf("got  %s\nwant %s", got, want)
				}
				if got != nil && !json.Valid(got) {
					t.Errorf("no JSON: %s", got)
				}
			}
		})
	}
}

// TestHashKnown holds the hash to what other programs make of the same key and
// text, so that it is the same in every process and version.
func TestHashKnown(t *testing.T) {
	t.Parallel()
	s := newSurgeon(creds.NewSecret("Jefe")) // RFC 4231, test case 2
	body := []byte(`"what do ya want for nothing?"`)
	s.add(body, cut{to: len(body)})
	if got, want := string(s.operate(body)), `"5bdcc146bf60754e6a042426089575c7"`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
