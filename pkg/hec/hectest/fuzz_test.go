package hectest_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"

	"auditlog-forwarder/pkg/hec/hectest"
)

// Whatever the body: no panic, a reply that is JSON, no more events than the
// body has objects, every one of them valid JSON and found in the body, and the
// same count from a server that only counts.
func FuzzEnvelope(f *testing.F) {
	for _, seed := range []string{
		`{"event":1}{"event":{"a":[1,2]},"time":"1700000000.5","host":"h"}`, `[{"event":1},{"event":2}]`, `{"event":1,"x":2}`, `{"fields":{"metric_name:a":1}}`,
		`{"event":"\u0020"}`, `{"event":1}{"event"`, `[[{"event":1}]]`, `{"event":{"event":1}},,{"event":2}]`, `{"time":1e400,"event":1}`, "{\"event\":\"\xff\"}", ``,
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, body []byte, raw bool) {
		path := event
		if raw {
			path = "/services/collector/raw"
		}
		counts := map[bool]int{}
		for _, discard := range []bool{false, true} {
			var opts []hectest.Option
			if discard {
				opts = append(opts, hectest.WithDiscard())
			}
			s := hectest.New(opts...)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
			r.Header.Set("Authorization", "Splunk "+hectest.DefaultToken)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if !json.Valid(w.Body.Bytes()) {
				t.Fatalf("reply %q", w.Body)
			}
			counts[discard] = s.Len()
			for _, e := range s.Events() {
				if !bytes.Contains(body, e.Event) || !raw && e.Event != nil && !json.Valid(e.Event) {
					t.Fatalf("indexed %q from %q", e.Event, body)
				}
			}
			if w.Code == http.StatusOK && !raw && allObjects(body) != s.Len() && !dropsSilently(body) {
				t.Fatalf("success, but %d of %d objects indexed: %q", s.Len(), allObjects(body), body)
			}
		}
		limit := bytes.Count(body, []byte("{"))
		if raw {
			limit = bytes.Count(body, []byte("\n")) + 1
		}
		if counts[false] > limit || counts[false] != counts[true] {
			t.Fatalf("indexed %d, counted %d, at most %d in %q", counts[false], counts[true], limit, body)
		}
	})
}

// allObjects counts the envelopes of a good body with the standard decoder.
func allObjects(body []byte) int {
	n := 0
	dec := json.NewDecoder(bytes.NewReader(body))
	for {
		var v any
		if dec.Decode(&v) != nil {
			return n
		}
		if list, ok := v.([]any); ok {
			n += len(list)
			continue
		}
		n++
	}
}

// dropsSilently says whether success may leave objects out: an unknown key, an
// object without event, or separators the standard decoder does not read.
func dropsSilently(body []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(body))
	for dec.More() {
		var v any
		if dec.Decode(&v) != nil {
			return true
		}
		list, ok := v.([]any)
		if !ok {
			list = []any{v}
		}
		for _, o := range list {
			m, _ := o.(map[string]any)
			if m["event"] == nil {
				return true
			}
			for key := range m {
				switch key {
				case "time", "host", "source", "sourcetype", "index", "fields", "event":
				default:
					return true
				}
			}
		}
	}
	return false
}
