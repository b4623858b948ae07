package hectest

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The scanner must accept exactly what encoding/json accepts.
func FuzzScan(f *testing.F) {
	for _, seed := range []string{
		`{}`, `[]`, `{"a":[1,2.5e-3,-0,true,false,null,"x\u00e9\n"]}`, `[1,]`, `{"a":1,}`, `01`, `-`, `1.`, `1e`, `"\x"`, `"\u12g4"`,
		"\"\x01\"", `"unfinished`, `{"a" : {"b":[{"c":"` + strings.Repeat("long ", 9) + `"}]}}`, ` nul`, "\"\xff\"", `"\\"`, `{"a":1}x`,
		strings.Repeat("[", 20) + strings.Repeat("]", 20), strings.Repeat("[", maxDepth+1) + strings.Repeat("]", maxDepth+1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		end := skipValue(b, skipSpace(b, 0), 0)
		got := end >= 0 && skipSpace(b, end) == len(b)
		if want := json.Valid(b); got != want {
			t.Fatalf("scanner says %t, encoding/json says %t: %q", got, want, b)
		}
	})
}

func TestReadTime(t *testing.T) {
	t.Parallel()
	second := time.Unix(1700000000, 0).UTC()
	for _, tc := range []struct {
		name, in string
		want     time.Time
		bad      bool
	}{
		{"1.3 M1 seconds", `1700000000`, second, false},
		{"1.3 M1 seconds and milliseconds", `1700000000.123`, second.Add(123 * time.Millisecond), false},
		{"1.3 M1 decimal string", `"1700000000.123"`, second.Add(123 * time.Millisecond), false},
		{"1.3 M1 microseconds kept, the rest dropped", `1700000000.123456789`, second.Add(123456 * time.Microsecond), false},
		{"1.3 M1 13 digits are milliseconds", `1700000000123`, second.Add(123 * time.Millisecond), false},
		{"1.3 M1 19 digits are nanoseconds", `1700000000123456789`, second.Add(123456 * time.Microsecond), false},
		{"1.3 inferred 16 digits are microseconds", `1700000000123456`, second.Add(123456 * time.Microsecond), false},
		{"1.3 M1 zero is the epoch", `0`, time.Unix(0, 0).UTC(), false},
		{"1.3 inferred before the epoch", `-1.5`, time.UnixMilli(-1500).UTC(), false},
		{"1.3 inferred exponent", `1.7e9`, second, false},
		{"1.3 inferred not decimal", `"yesterday"`, time.Time{}, true},
		{"1.3 inferred empty", `""`, time.Time{}, true},
		{"1.3 inferred boolean", `true`, time.Time{}, true},
		{"1.3 inferred object", `{}`, time.Time{}, true},
		{"1.3 inferred beyond any clock", `1e300`, time.Time{}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, ok := readTime([]byte(tc.in))
			if ok == tc.bad {
				t.Fatalf("readTime(%s) good = %t", tc.in, ok)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("readTime(%s) (-want +got):\n%s", tc.in, diff)
			}
		})
	}
}
