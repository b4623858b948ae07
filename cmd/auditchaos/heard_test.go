package main

import (
	"testing"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// TestHeard holds what the network's word and a client's log mean together.
func TestHeard(t *testing.T) {
	t.Parallel()
	const timeout = time.Second
	at := func(ms int) time.Time { return time.Unix(1000, 0).Add(time.Duration(ms) * time.Millisecond) }
	over, early := []silence{{1001 * time.Millisecond}}, []silence{{999 * time.Millisecond}}
	for _, tc := range []struct {
		name  string
		state faultnet.State
		said  []silence
		want  bool
	}{
		{"another request followed", faultnet.State{Replied: at(900), Followed: true}, nil, true},
		{"another request followed, whatever the log says", faultnet.State{Replied: at(900), Followed: true}, over, true},
		{"answered, the connection lives", faultnet.State{Replied: at(5)}, nil, true},
		{"never answered, the connection lives", faultnet.State{}, nil, false},
		{"cut by the network", faultnet.State{Ended: at(5), By: faultnet.ByNet}, nil, false},
		{"cut by the indexer", faultnet.State{Ended: at(5), By: faultnet.ByServer}, nil, false},
		{"the client's time is over", faultnet.State{Ended: at(1000), By: faultnet.ByClient}, over, false},
		{"the client's time is over, by a clock that began before the network saw the request", faultnet.State{Ended: at(10), By: faultnet.ByClient}, over, false},
		{"the client hangs up early", faultnet.State{Ended: at(999), By: faultnet.ByClient}, early, true},
		{"the client hangs up and says nothing", faultnet.State{Ended: at(1000), By: faultnet.ByClient}, nil, true},
		{"answered, and closed later by the client", faultnet.State{Replied: at(5), Ended: at(900), By: faultnet.ByClient}, nil, true},
		{"answered as the client's time ran out", faultnet.State{Replied: at(990), Ended: at(1000), By: faultnet.ByClient}, over, false},
		{"answered while the client stood still", faultnet.State{Replied: at(5), Ended: at(1800), By: faultnet.ByClient}, over, false},
		{"answered, and cut later", faultnet.State{Replied: at(5), Ended: at(6), By: faultnet.ByNet}, nil, true},
		{"answered, and cut before the client has read it", faultnet.State{Replied: at(5), Ended: at(900), By: faultnet.ByNet}, early, false},
	} {
		if got := heard(tc.state, tc.said, timeout); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestSilences holds that a log is asked about the connection of a request.
func TestSilences(t *testing.T) {
	t.Parallel()
	x := heardExchange(t)
	line := func(msg, from, endpoint string) string {
		return `{"level":"debug","msg":"` + msg + `","endpoint":"` + endpoint + `","from":"` + from + `","waited":"1.5s","error":"timeout"}` + "\n"
	}
	to := "http://" + x.Proxy().Addr()
	i := &incarnation{}
	i.hear([]byte(line("splunk answers", x.From(), to) + line(saysUnheard, "127.0.0.1:1", to) +
		line(saysUnheard, x.From(), "http://127.0.0.1:1") + line(saysUnheard, x.From(), to)[:70]))
	if got := i.silences(x); len(got) != 0 {
		t.Errorf("of other connections, or cut off: %v", got)
	}
	i.hear([]byte(line(saysUnheard, x.From(), to)))
	if got := i.silences(x); len(got) != 1 || got[0].waited != 1500*time.Millisecond {
		t.Errorf("got %v", got)
	}
}
