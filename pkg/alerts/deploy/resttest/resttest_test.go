package resttest

import (
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const place = "/servicesNS/nobody/search/"

func ask(t *testing.T, s *Server, method, path string, form url.Values) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL()+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer good-token")
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := s.http.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	s.http.Client().CloseIdleConnections()
	return resp.StatusCode, string(body)
}

// TestTakesOnlyWhatSplunkDocuments holds the stand-in to names and ranges.
func TestTakesOnlyWhatSplunkDocuments(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Apps: []string{"search"}})
	for arg, text := range map[string]string{
		"enableSched=1": "not supported", "counttype=always": "not supported", "relation=less than": "not supported", "quantity=1": "not supported",
		"name2=x": "not supported", "alert.severty=3": "not supported", "action.email.to.x.y=1": "", "alert.severity=7": "Invalid value",
		"alert_type=sometimes": "Invalid value", "alert_comparator=more": "Invalid value", "alert_threshold=many": "Invalid value",
		"disabled=maybe": "Invalid value", "alert.track=never": "Invalid value", "alert.expires=soon": "Invalid value", "schedule_window=wide": "Invalid value",
		"cron_schedule=0 * * *": "cron_schedule", "cron_schedule=0 0 * * mon": "cron_schedule", "cron_schedule=61 * * * *": "cron_schedule",
		"cron_schedule=3-59/5 0,12 1-7 */2 *": "", "is_scheduled=1": "without a cron_schedule", "actions=email": "action.email.to", "actions=webhook": "param.url",
		"alert.suppress=1": "period", "dispatch.earliest_time=-1 week": "Invalid value", "dispatch.index_earliest=-65m@m": "", "dispatch.latest_time=now": "",
		"action.slack.param.channel=#x": "", "alert.managedBy=us": "", "search=": "missing", "allow_skew=50%": "", "realtime_schedule=false": "",
	} {
		form := url.Values{"name": {"x"}, "search": {"index=main"}}
		key, value, _ := strings.Cut(arg, "=")
		form.Set(key, value)
		status, body := ask(t, s, http.MethodPost, place+Searches, form)
		if ok := status == http.StatusCreated; ok != (text == "") || !strings.Contains(body, text) {
			t.Errorf("%s: HTTP %d, %s; want %q", arg, status, body, text)
		}
		if status == http.StatusCreated {
			if status, body := ask(t, s, http.MethodDelete, place+Searches+"/x", nil); status != http.StatusOK {
				t.Errorf("delete: HTTP %d, %s", status, body)
			}
		}
	}
}

func TestTellsInItsOwnSpelling(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Apps: []string{"search"}})
	status, body := ask(t, s, http.MethodPost, place+Searches, url.Values{
		"name": {"a b"}, "search": {" index=main \n"}, "disabled": {"true"}, "actions": {"webhook,email"}, "action.email.to": {"a@example.com"},
		"action.webhook.param.url": {"https://example.com"}, "alert.severity": {"5"},
	})
	if status != http.StatusCreated {
		t.Fatalf("HTTP %d: %s", status, body)
	}
	got := map[string]string{}
	for _, key := range []string{"search", "disabled", "actions", `action\.email`, `action\.webhook`, `alert\.severity`, `alert\.suppress`, "cron_schedule", "alert_type", "is_scheduled"} {
		got[key] = gjson.Get(body, "entry.0.content."+key).Raw
	}
	want := map[string]string{
		"search": `"index=main"`, "disabled": "true", "actions": `"email, webhook"`, `action\.email`: "true", `action\.webhook`: `"1"`, `alert\.severity`: "5",
		`alert\.suppress`: "null", "cron_schedule": `""`, "alert_type": `"always"`, "is_scheduled": "false",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("content (-want +got):\n%s", diff)
	}
	for _, tt := range []struct {
		method, path string
		form         url.Values
		status       int
		text         string
	}{
		{"POST", place + Searches, url.Values{"name": {"a b"}, "search": {"x"}}, 409, "Unable to create saved search with name 'a b'. A saved search with that name already exists."},
		{"POST", place + Searches + "/a%20b", url.Values{"name": {"a b"}}, 400, `Argument \"name\" is not supported by this handler.`},
		{"GET", place + Searches + "/none", nil, 404, "Could not find object id=none"},
		{"GET", "/servicesNS/nobody/none/" + Searches, nil, 404, "Application does not exist: none"},
		{"POST", place + Searches + "/a%20b/acl", url.Values{"sharing": {"app"}}, 400, "The following required arguments are missing: owner."},
		{"POST", place + Searches + "/a%20b/acl", url.Values{"sharing": {"app"}, "owner": {"nobody"}, "perms.run": {"*"}}, 400, "not supported"},
		{"PUT", place + Searches, nil, 405, "Method Not Allowed"},
	} {
		if status, body := ask(t, s, tt.method, tt.path, tt.form); status != tt.status || !strings.Contains(body, tt.text) {
			t.Errorf("%s %s: HTTP %d, %s; want %d, %s", tt.method, tt.path, status, body, tt.status, tt.text)
		}
	}
}

// TestLayers holds how Splunk lays what is written over what a package brought.
func TestLayers(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Apps: []string{"search"}})
	s.Ship(Searches, "search", "x", map[string]string{"search": "a", "cron_schedule": "1 * * * *"})
	for _, value := range []string{"2 * * * *", "1 * * * *"} {
		if status, body := ask(t, s, http.MethodPost, place+Searches+"/x", url.Values{"cron_schedule": {value}}); status != http.StatusOK {
			t.Fatalf("HTTP %d: %s", status, body)
		}
	}
	s.mu.Lock()
	left := len(s.objects[address{Searches, "search", "x"}].local)
	s.mu.Unlock()
	if left != 0 {
		t.Errorf("%d values lie over the package's, though they are the same", left)
	}
	if status, body := ask(t, s, http.MethodDelete, place+Searches+"/x", nil); status != http.StatusBadRequest || !strings.Contains(body, "cannot be deleted") {
		t.Errorf("HTTP %d: %s; want that a package's alert cannot be deleted", status, body)
	}
}
