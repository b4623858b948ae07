package main

import "auditlog-forwarder/pkg/hec/hectest"

// scripted is an answer of Splunk, or of what stands before it.
type scripted struct {
	name  string
	reply hectest.Reply
	hangs bool // the client has to wait for hec.timeout
	took  bool // some events are indexed each time, and come again
}

// replies is the table of what may be answered once and is right the next
// time. What names an event that is to blame is not here, but for its index:
// events that are to blame lie in the topic. Nor is any success: it would be a
// lie where the server refuses an event of that very request.
func replies() []scripted {
	const took = 5 // events that an indexer has taken before it says more than success
	return []scripted{
		{name: "busy", reply: hectest.HEC(9)},
		{name: "busy-0", reply: hectest.HECEvent(9, 0)},
		{name: "busy-took-5", reply: hectest.HECEvent(9, took).TookFirst(took), took: true},
		{name: "busy-retry-after", reply: hectest.HEC(9).RetryAfter("1")},
		{name: "shutting-down", reply: hectest.HEC(23)},
		{name: "at-capacity", reply: hectest.HEC(26)},
		{name: "at-ack-capacity", reply: hectest.HEC(27)},
		{name: "unhealthy-18", reply: hectest.HEC(18)},
		{name: "unhealthy-19", reply: hectest.HEC(19)},
		{name: "unhealthy-20", reply: hectest.HEC(20)},
		{name: "internal-8", reply: hectest.HEC(8)},
		{name: "not-found", reply: hectest.HTML(404)},
		{name: "html-500", reply: hectest.HTML(500)},
		{name: "html-502", reply: hectest.HTML(502)},
		{name: "html-503", reply: hectest.HTML(503)},
		{name: "html-503-took", reply: hectest.HTML(503).Took(), took: true},
		{name: "html-504-took", reply: hectest.HTML(504).Took(), took: true},
		{name: "empty-503", reply: hectest.Empty(503).Closing()},
		{name: "timed-out-408", reply: hectest.TimedOut()},
		{name: "too-many-429", reply: hectest.Empty(429).RetryAfter("1")},
		{name: "token-disabled", reply: hectest.HEC(1)},
		{name: "token-required", reply: hectest.HEC(2)},
		{name: "invalid-auth", reply: hectest.HEC(3)},
		{name: "invalid-token", reply: hectest.HEC(4)},
		{name: "html-401", reply: hectest.HTML(401)},
		{name: "html-403", reply: hectest.HTML(403)},
		{name: "no-data", reply: hectest.HEC(5)},
		{name: "wrong-index", reply: hectest.HECEvent(7, 1)},
		{name: "wrong-index-took-5", reply: hectest.HECEvent(7, took+1).TookFirst(took)},
		{name: "no-channel", reply: hectest.HEC(10)},
		{name: "bad-channel", reply: hectest.HEC(11)},
		{name: "no-sticky-session", reply: hectest.HEC(28)},
		{name: "ack-disabled", reply: hectest.HEC(14)},
		{name: "query-auth", reply: hectest.HEC(16)},
		{name: "health-200", reply: hectest.HEC(17).Lost()},
		{name: "health-21", reply: hectest.HEC(21)},
		{name: "health-22", reply: hectest.HEC(22)},
		{name: "login-page-200", reply: hectest.HTML(200)},
		{name: "empty-200", reply: hectest.Empty(200)},
		{name: "splunk-web-303", reply: hectest.Redirect("/en-US/account/login")},
		{name: "html-400", reply: hectest.HTML(400)},
		{name: "html-405", reply: hectest.HTML(405)},
		{name: "html-407", reply: hectest.HTML(407)},
		{name: "html-415", reply: hectest.HTML(415)},
		{name: "drop", reply: hectest.Drop()},
		{name: "drop-took", reply: hectest.Drop().Took(), took: true},
		{name: "reset", reply: hectest.Reset()},
		{name: "reset-took", reply: hectest.Reset().Took(), took: true},
		{name: "truncated-success", reply: hectest.Normal().Truncated(), took: true},
		{name: "truncated-busy", reply: hectest.HEC(9).Truncated()},
		{name: "hang", reply: hectest.Hang(), hangs: true},
		{name: "hang-took", reply: hectest.Hang().Took(), hangs: true, took: true},
	}
}

func replyNames() (names []string) {
	for _, r := range replies() {
		names = append(names, r.name)
	}
	return names
}

func findReply(name string) scripted {
	for _, r := range replies() {
		if r.name == name {
			return r
		}
	}
	return scripted{name: name, reply: hectest.Normal()}
}
