package hectest_test

import (
	"net/http"
	"strconv"
	"testing"

	"auditlog-forwarder/pkg/hec/hectest"
)

// Section 1.5: every code with its status and text.
func TestCodes(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code, status int
		text         string
	}{
		{0, 200, "Success"},
		{1, 403, "Token disabled"},
		{2, 401, "Token is required"},
		{3, 401, "Invalid authorization"},
		{4, 403, "Invalid token"},
		{5, 400, "No data"},
		{6, 400, "Invalid data format"},
		{7, 400, "Incorrect index"},
		{8, 500, "Internal server error"},
		{9, 503, "Server is busy"},
		{10, 400, "Data channel is missing"},
		{11, 400, "Invalid data channel"},
		{12, 400, "Event field is required"},
		{13, 400, "Event field cannot be blank"},
		{14, 400, "ACK is disabled"},
		{15, 400, "Error in handling indexed fields"},
		{16, 400, "Query string authorization is not enabled"},
		{17, 200, "HEC is healthy"},
		{18, 503, "HEC is unhealthy, queues are full"},
		{19, 503, "HEC is unhealthy, ack service unavailable"},
		{20, 503, "HEC is unhealthy, queues are full, ack service unavailable"},
		{21, 400, "Invalid token"},
		{22, 400, "Token disabled"},
		{23, 503, "Server is shutting down"},
		{24, 200, "HEC queue is approaching its capacity limit"},
		{25, 200, "HEC ACK is approaching its capacity limit"},
		{26, 429, "HEC queue is at capacity and cannot process any more requests"},
		{27, 429, "HEC ACK channel is at capacity and cannot process any more requests"},
		{28, 400, "Data channel is missing. If you have multiple indexers, sticky session load balancers must be provisioned and client requests must be routed accordingly."},
	} {
		s := hectest.New()
		s.Script(hectest.HEC(tc.code))
		status, body := serve(t, s, event, hectest.DefaultToken, "", `{"event":1}`)
		if want := `{"text":"` + tc.text + `","code":` + strconv.Itoa(tc.code) + `}`; status != tc.status || body != want {
			t.Errorf("1.5 code %d: got %d %s, want %d %s", tc.code, status, body, tc.status, want)
		}
		indexed := 0
		if tc.status == http.StatusOK {
			indexed = 1
		}
		if s.Len() != indexed {
			t.Errorf("1.5 code %d indexed %d, want %d", tc.code, s.Len(), indexed)
		}
	}
}
