package main

import (
	"net/http"

	"auditlog-forwarder/pkg/deadletter"
)

// meaning says what a reason stands for.
func meaning(r deadletter.Reason) string {
	switch r {
	case deadletter.NotJSON:
		return "the body is not one JSON object"
	case deadletter.Empty:
		return "the body has no bytes"
	case deadletter.Tombstone:
		return "the record has no body at all"
	case deadletter.TooLarge:
		return "the body is over hec.max_event_bytes"
	case deadletter.Refused:
		return "Splunk refused this very event; its reply is kept"
	case deadletter.BadEnvelope:
		return "hec.formatted is on, and the body is no HEC event"
	}
	return "a reason that this version does not know"
}

// advice says in one line what to do about an entry.
func advice(e deadletter.Entry) string {
	switch e.Reason {
	case deadletter.NotJSON, deadletter.Empty, deadletter.Tombstone:
		return "there is no event to send, now or later: find out who writes it into the topic; archive it by `--raw`, then `deadletter purge`"
	case deadletter.TooLarge:
		return "raise hec.max_event_bytes (and Splunk's own limit), then `deadletter replay`"
	case deadletter.BadEnvelope:
		return "mend what writes the topic; with hec.formatted off, `deadletter replay` sends the body as an event of its own if it is a JSON object"
	case deadletter.Refused:
		return adviceForCode(e.Code)
	}
	return ""
}

func adviceForCode(code int) string {
	switch code {
	case 6:
		return "Splunk could not read the event, or it was too large for Splunk Cloud: if others get through, look at the body; if none does, at what changes bodies on the way; then `deadletter replay`"
	case 7:
		return "the record itself names the index: create it in Splunk, or allow it for the token, then `deadletter replay`; if a header names it, `deadletter replay --hec.index-header=` sends it to the index of the configuration"
	case 12, 13:
		return "Splunk found no event, or a blank one, in what was sent: look at the body, and at what changes bodies on the way; then `deadletter replay`"
	case 15:
		return "Splunk does not take the indexed fields: see hec.fields and the record's headers; then `deadletter replay`"
	case http.StatusRequestEntityTooLarge:
		return "raise the limit of Splunk ([http_input] max_content_length) or of the load balancer; then `deadletter replay`"
	}
	return "see the reply and docs/hec.md; when the cause is mended, `deadletter replay`"
}
