package spltest

import (
	"encoding/json"
	"testing"
)

func TestCorpus(t *testing.T) {
	t.Parallel()
	corpus, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	again, err := Corpus()
	if err != nil {
		t.Fatal(err)
	}
	if len(corpus) < 800 {
		t.Errorf("the corpus has %d events", len(corpus))
	}
	seen := map[string]bool{}
	snake, text, object, cut := 0, 0, 0, 0
	for i, e := range corpus {
		if !json.Valid(e.Raw) {
			t.Errorf("event %d is no JSON: %.200s", i, e.Raw)
		}
		if string(again[i].Raw) != string(e.Raw) {
			t.Errorf("event %d is another in the second run", i)
		}
		seen[string(e.Raw)] = true
		all, some := Extract(e.Raw, 0), Extract(e.Raw, 5000)
		if len(all) != len(some) {
			cut++
		}
		if all["data.method_name"] != nil {
			snake++
		}
		if all["data.authenticationInfo.principal"] != nil {
			text++
		}
		if all["data.authenticationInfo.principal.confluentUser.resourceId"] != nil {
			object++
		}
	}
	if len(seen) < len(corpus)*9/10 {
		t.Errorf("of %d events %d differ", len(corpus), len(seen))
	}
	for name, n := range map[string]int{"snake_case": snake, "principal as text": text, "principal as object": object, "above 5000 bytes": cut} {
		if n < 20 {
			t.Errorf("%s: %d events", name, n)
		}
	}
	t.Logf("%d events; snake_case %d, principal as text %d and as object %d, cut by Splunk's default %d", len(corpus), snake, text, object, cut)
}
