package hec

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// maxAckReply bounds what is read of an answer to a poll: 1,000 ids of 19
// digits take 30 KB.
const maxAckReply = 256 << 10

// ackWire polls over HTTP. Its poll method is a pollFunc.
type ackWire struct {
	do     func(*http.Request) (*http.Response, error)
	url    string
	header func() http.Header       // with the token of the moment; not changed
	hide   func(text string) string // takes the secrets out of what people will read
}

func (w *ackWire) poll(ctx context.Context, s *ackSession, ids []int64, note func(*http.Response)) (map[int64]bool, error) {
	body := []byte(`{"acks":[`)
	for i, id := range ids {
		if i > 0 {
			body = append(body, ',')
		}
		body = strconv.AppendInt(body, id, 10)
	}
	body = append(body, `]}`...)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make a poll: %w", err)
	}
	req.Header = w.header().Clone()
	s.sign(req)
	resp, err := w.do(req)
	if err != nil {
		return nil, unanswered(err)
	}
	defer resp.Body.Close()
	note(resp)
	said, err := io.ReadAll(io.LimitReader(resp.Body, maxAckReply+1))
	if err != nil {
		// Splunk may have said true, and says so only once.
		return nil, unanswered(fmt.Errorf("read the answer to a poll (HTTP %d): %w", resp.StatusCode, err))
	}
	location := w.hide(resp.Header.Get("Location"))
	answer, r := readAcks(resp.StatusCode, location, said)
	if r == nil {
		return answer, nil
	}
	if hidden := w.hide(string(said)); hidden != string(said) {
		r.text = classify(resp.StatusCode, location, []byte(hidden)).text
	}
	return nil, r
}

// readAcks reads the answer to a poll; the reply says why it is none.
func readAcks(status int, location string, body []byte) (map[int64]bool, *reply) {
	var said struct {
		Acks map[string]bool `json:"acks"`
		Code int             `json:"code"`
	}
	if status >= 200 && status < 300 && len(body) <= maxAckReply && json.Unmarshal(body, &said) == nil && said.Acks != nil && said.Code == 0 {
		answer := make(map[int64]bool, len(said.Acks))
		for key, indexed := range said.Acks {
			// "00" or "+0" is no id of Splunk's, and must not stand for 0.
			if id, err := strconv.ParseInt(key, 10, 64); err == nil && strconv.FormatInt(id, 10) == key {
				answer[id] = indexed
			}
		}
		return answer, nil
	}
	r := classify(status, location, body[:min(len(body), maxReply)])
	switch r.class {
	case Accepted, AcceptedSlow, RefusedEvent, RefusedBatch:
		r.class, r.hint = Blocked, "this is no answer of HEC's acknowledgement endpoint; check hec.url and what stands before Splunk"
	case Blocked, Transient:
	}
	switch r.code {
	case 14:
		r.hint = "turn on indexer acknowledgement for the token in Splunk, or set hec.ack.enabled to false"
	case 10, 11, 28:
		r.hint = hintSticky
	}
	return nil, r
}
