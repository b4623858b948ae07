package audit

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestMembers(t *testing.T) {
	t.Parallel()
	stop := errors.New("stop")
	for _, tc := range []struct {
		name, value string
		want        []string
		err         string // "": none
	}{
		{"empty object", ` {} `, nil, ""},
		{"in order, as they stand", ` { "a" : 1 ,"b\u0041":"x\"y" ,"c":{"d":[1,{}]},"a":null} `, []string{`a=1`, `b\u0041="x\"y"`, `c={"d":[1,{}]}`, `a=null`}, ""},
		{"nothing", "  ", nil, ErrEmpty.Error()},
		{"an array", `[{"a":1}]`, nil, ErrNotObject.Error()},
		{"text", `hello`, nil, "not JSON at byte 0: a value is missing"},
		{"cut off", `{"a":1,"b":[`, []string{"a=1"}, "not JSON at byte 12: the text ends too early"},
		{"two objects", `{"a":1},{"b":2}`, []string{"a=1"}, "not JSON at byte 7: more text after the end of the value"},
		{"stopped", `{"a":1,"stop":2,"b":3}`, []string{"a=1"}, "stop"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var got []string
			err := Members([]byte(tc.value), func(name, val []byte) error {
				if string(name) == "stop" {
					return stop
				}
				got = append(got, string(name)+"="+string(val))
				return nil
			})
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("members (-want +got):\n%s", diff)
			}
			if text := errorText(err); text != tc.err {
				t.Errorf("error %q, want %q", text, tc.err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
