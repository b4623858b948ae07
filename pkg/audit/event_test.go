package audit

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

func TestReadEvent(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value, time, method string }{
		{"usual", `{"id":"1","time":"2026-11-01T00:00:00Z","data":{"methodName":"mds.Authorize","x":[1,{"time":"no"}]}}`, "2026-11-01T00:00:00Z", "mds.Authorize"},
		{"spaced", " {\n \"time\" : \"t\" ,\t\"data\" : { \"methodName\" : \"m\" } } \r\n", "t", "m"},
		{"snake case", `{"data":{"method_name":"ListFlinkRegions"}}`, "", "ListFlinkRegions"},
		{"time is null", `{"time":null,"data":null}`, "", ""},
		{"only nested names", `{"a":{"time":"x","methodName":"y"}}`, "", ""},
		{"escapes", `{"time":"a\"b\\","data":{"methodName":"\u00e9"}}`, `a\"b\\`, `\u00e9`},
		{"empty object", `{}`, "", ""},
		{"every value", `{"a":[],"b":{},"c":[0,-1,1.5e+3,true,false,null,""],"time":"t"}`, "t", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			ev, err := ReadEvent([]byte(tc.value))
			if err != nil {
				t.Fatal(err)
			}
			if string(ev.Time) != tc.time || string(ev.Method) != tc.method {
				t.Errorf("time %q, method %q; want %q, %q", ev.Time, ev.Method, tc.time, tc.method)
			}
		})
	}
}

func TestReadEventRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, value string
		offset      int // -1: not a SyntaxError
		is          error
	}{
		{"nothing", "", -1, ErrEmpty},
		{"blank", " \n\t", -1, ErrEmpty},
		{"array", `[{"a":1}]`, -1, ErrNotObject},
		{"number", `17`, -1, ErrNotObject},
		{"null", `null`, -1, ErrNotObject},
		{"text", `hello`, 0, nil},
		{"second value", `{"a":1}{"b":2}`, 7, nil},
		{"smuggled event", `1},{"event":2`, 1, nil},
		{"cut in a string", `{"a":"b`, 7, nil},
		{"cut after a colon", `{"a":`, 5, nil},
		{"cut after a comma", `{"a":1,`, 7, nil},
		{"trailing comma", `{"a":1,}`, 7, nil},
		{"trailing comma in a list", `{"a":[1,]}`, 8, nil},
		{"no colon", `{"a" 1}`, 5, nil},
		{"no comma", `{"a":1 "b":2}`, 7, nil},
		{"bare name", `{a:1}`, 1, nil},
		{"leading zero", `{"a":01}`, 6, nil},
		{"no fraction", `{"a":1.}`, 7, nil},
		{"no exponent", `{"a":1e}`, 7, nil},
		{"control character", "{\"a\":\"1234567\x01\"}", 13, nil},
		{"bad escape", `{"a":"\x"}`, 7, nil},
		{"short unicode escape", `{"a":"\u12g4"}`, 10, nil},
		{"bad word", `{"a":nul}`, 5, nil},
		{"UTF-8 byte order mark", "\xef\xbb\xbf{}", 0, nil},
		{"Avro from a schema registry", "\x00\x00\x00\x00\x07{}", 0, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := ReadEvent([]byte(tc.value))
			if tc.is != nil {
				if !errors.Is(err, tc.is) {
					t.Fatalf("got %v, want %v", err, tc.is)
				}
				return
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("got %v, want a SyntaxError", err)
			}
			if syntax.Offset != tc.offset {
				t.Errorf("offset %d, want %d: %v", syntax.Offset, tc.offset, err)
			}
		})
	}
}

func TestReadEventDepth(t *testing.T) {
	t.Parallel()
	deep := func(n int) []byte {
		return []byte(`{"a":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`)
	}
	if _, err := ReadEvent(deep(maxDepth - 1)); err != nil {
		t.Errorf("depth under the bound: %v", err)
	}
	if _, err := ReadEvent(deep(1_000_000)); err == nil {
		t.Error("a million levels were accepted")
	}
}

// FuzzReadEvent holds the scanner against encoding/json: both must agree on
// what is a JSON object, and on the members found in it.
func FuzzReadEvent(f *testing.F) {
	for _, s := range []string{
		`{"time":"2026-11-01T00:00:00Z","data":{"methodName":"x"}}`, `{"a":[1,2.5e-7,{"b":null}]}`,
		"{\"a\":\"12345678\x7f\"}", `{"a":"\ud83d\ude00"}`, `[]`, ``, `{"a":1}x`, `{"data":{"methodName":"a","method_name":"b"}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		ev, err := ReadEvent(value)
		trimmed := strings.TrimLeft(string(value), " \t\r\n")
		want := json.Valid(value) && strings.HasPrefix(trimmed, "{")
		if got := err == nil; got != want && !strings.Contains(string(value), strings.Repeat("[", 20)) && !strings.Contains(string(value), strings.Repeat("{", 20)) {
			t.Fatalf("accepted %v, encoding/json says %v: %v", got, want, err)
		}
		if err == nil && ev.Time != nil && !json.Valid(append(append([]byte{'"'}, ev.Time...), '"')) {
			t.Fatalf("time %q is not the content of a JSON string", ev.Time)
		}
	})
}

const sample = `{"datacontenttype":"application/json","data":{"serviceName":"crn://confluent.cloud/","methodName":"mds.Authorize","resourceName":"crn://confluent.cloud/organization=1b2c3d4e-0000-4000-8000-00000000abcd/environment=env-0qqq1/cloud-cluster=lkc-77aa1/kafka=lkc-77aa1","authenticationInfo":{"principal":"User:u-4kk2p","principalResourceId":"u-4kk2p","identity":"crn://confluent.cloud/organization=1b2c3d4e-0000-4000-8000-00000000abcd/identity-provider=Confluent/identity=u-4kk2p"},"authorizationInfo":{"granted":true,"operation":"AccessWithToken","resourceType":"Cluster","resourceName":"kafka-cluster","patternType":"LITERAL","rbacAuthorization":{"role":"OrganizationAdmin","scope":{"outerScope":["organization=1b2c3d4e-0000-4000-8000-00000000abcd"],"clusters":{}},"actingPrincipal":"User:pool-9x1"},"assignedPrincipals":["User:u-4kk2p","User:pool-9x1","User:group-77a2"]},"request":{"correlationId":"-1","clientId":"console"},"requestMetadata":{"connection_id":"10.0.0.1-77","request_id":"b6d2a4bb1f7c4a54"},"clientAddress":[{"ip":"192.0.2.17"}]},"subject":"crn://confluent.cloud/organization=1b2c3d4e-0000-4000-8000-00000000abcd/environment=env-0qqq1/cloud-cluster=lkc-77aa1/kafka=lkc-77aa1","specversion":"1.0","id":"f2a1e6a4-79d0-4f34-9a0b-0d8a6f7a1c11","source":"crn://confluent.cloud/","time":"2026-11-01T18:14:20.929608274Z","type":"io.confluent.kafka.server/authorization"}`

// BenchmarkReadEvent sets the scanner beside what it replaces.
func BenchmarkReadEvent(b *testing.B) {
	value := []byte(sample)
	b.Run("ReadEvent", func(b *testing.B) {
		b.SetBytes(int64(len(value)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := ReadEvent(value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("baseline=json.Valid", func(b *testing.B) {
		b.SetBytes(int64(len(value)))
		for b.Loop() {
			if !json.Valid(value) {
				b.Fatal("not valid")
			}
		}
	})
}
