// Package deadletter keeps the records that nothing downstream will take.
//
// The store is one file of JSON lines in a folder that belongs to one running
// forwarder. Put returns only when its entries are on disk, so the offset may
// move afterwards and not before. Readers need no lock: they see whole lines
// only, and lines never change. What Replay has delivered is noted in a
// second file, and its room is won back when the store would otherwise be
// full.
package deadletter

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"auditlog-forwarder/pkg/audit"
)

// Reason says in one word why a record is here.
type Reason string

// The closed list of reasons.
const (
	NotJSON   Reason = "not_json"  // the body is not one JSON object
	Empty     Reason = "empty"     // the body has no bytes
	Tombstone Reason = "tombstone" // the record has no body at all
	TooLarge  Reason = "too_large" // over the destination's limit for one event
	Refused   Reason = "refused"   // the destination refused this very event

	// BadEnvelope: values are sent as they are, and this one is no HEC event.
	BadEnvelope Reason = "bad_envelope"
)

// Reasons returns the closed list.
func Reasons() []Reason { return []Reason{NotJSON, Empty, Tombstone, TooLarge, Refused, BadEnvelope} }

// ParseReason returns the reason of that name.
func ParseReason(name string) (Reason, error) {
	if r := Reason(name); r.known() {
		return r, nil
	}
	return "", fmt.Errorf("reason %q is unknown; allowed are %v", name, Reasons())
}

func (r Reason) known() bool { return slices.Contains(Reasons(), r) }

// Replayable reports whether a record kept for r may be accepted one day. In
// the others there is no event to send, now or later. What is no envelope may
// still be an event: it can be sent when values are wrapped again.
func (r Reason) Replayable() bool { return r == TooLarge || r == Refused || r == BadEnvelope }

// Entry is one refused record and why it was refused.
type Entry struct {
	StoredAt time.Time // when Put took it; Put fills it in if it is zero
	Record   audit.Record
	Reason   Reason
	Detail   string // what exactly is wrong
	Code     int    // the destination's code, 0 if it was not asked
	Reply    string // what the destination said
}

// ID names the record by its place: topic/partition/offset.
func (e Entry) ID() string {
	return e.Record.Topic + "/" + strconv.FormatInt(int64(e.Record.Partition), 10) +
		"/" + strconv.FormatInt(e.Record.Offset, 10)
}

// maxText is the longest body written as a string. Escapes may make a string
// six times as long as its bytes, base64 never more than a third longer.
const maxText = 32 << 20

// jsonLine is an Entry as it lies on disk. For key, body and header values
// an absent pair means null, which differs from the empty string.
type jsonLine struct {
	ID         string       `json:"id"`
	StoredAt   time.Time    `json:"stored_at"`
	Topic      string       `json:"topic"`
	Partition  int32        `json:"partition"`
	Offset     int64        `json:"offset"`
	Timestamp  *time.Time   `json:"timestamp,omitempty"`
	UnixMilli  *int64       `json:"timestamp_unix_ms,omitempty"` // for years that RFC 3339 cannot write
	Reason     Reason       `json:"reason"`
	Detail     string       `json:"detail,omitempty"`
	Code       int          `json:"code,omitempty"`
	Reply      string       `json:"reply,omitempty"`
	Key        *string      `json:"key,omitempty"`
	KeyBase64  []byte       `json:"key_base64,omitempty"`
	Headers    []jsonHeader `json:"headers,omitempty"`
	Body       *string      `json:"body,omitempty"`
	BodyBase64 []byte       `json:"body_base64,omitempty"`
}

type jsonHeader struct {
	Key         *string `json:"key,omitempty"`
	KeyBase64   []byte  `json:"key_base64,omitempty"`
	Value       *string `json:"value,omitempty"`
	ValueBase64 []byte  `json:"value_base64,omitempty"`
}

// encode appends e to buf as one line.
func encode(buf *bytes.Buffer, e Entry) error {
	r := e.Record
	l := jsonLine{
		ID: e.ID(), StoredAt: e.StoredAt.UTC(),
		Topic: r.Topic, Partition: r.Partition, Offset: r.Offset,
		Reason: e.Reason, Detail: e.Detail, Code: e.Code, Reply: e.Reply,
	}
	// A producer may set any timestamp. One that cannot be written must not
	// keep its record out of the store: that would stop the lane for ever.
	if t := r.Timestamp.UTC(); !t.IsZero() {
		if y := t.Year(); y >= 0 && y <= 9999 {
			l.Timestamp = &t
		} else {
			ms := t.UnixMilli()
			l.UnixMilli = &ms
		}
	}
	l.Key, l.KeyBase64 = toText(r.Key)
	l.Body, l.BodyBase64 = toText(r.Value)
	for _, h := range r.Headers {
		var jh jsonHeader
		jh.Key, jh.KeyBase64 = toText([]byte(h.Key))
		jh.Value, jh.ValueBase64 = toText(h.Value)
		l.Headers = append(l.Headers, jh)
	}
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(l); err != nil {
		return fmt.Errorf("encode %s: %w", e.ID(), err)
	}
	return nil
}

// MarshalJSON writes e as it lies on disk.
func (e Entry) MarshalJSON() ([]byte, error) {
	var buf bytes.Buffer
	if err := encode(&buf, e); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n")), nil
}

// decode is the reverse of encode.
func decode(data []byte) (Entry, error) {
	// encoding/json would replace broken bytes and say nothing.
	if !utf8.Valid(data) {
		return Entry{}, errors.New("not UTF-8")
	}
	var l jsonLine
	if err := json.Unmarshal(data, &l); err != nil {
		return Entry{}, err
	}
	e := Entry{
		StoredAt: l.StoredAt, Reason: l.Reason, Detail: l.Detail, Code: l.Code, Reply: l.Reply,
		Record: audit.Record{Topic: l.Topic, Partition: l.Partition, Offset: l.Offset},
	}
	if l.ID != e.ID() {
		return Entry{}, fmt.Errorf("id is %q, but topic, partition and offset make %q", l.ID, e.ID())
	}
	switch {
	case l.Timestamp != nil:
		e.Record.Timestamp = *l.Timestamp
	case l.UnixMilli != nil:
		e.Record.Timestamp = time.UnixMilli(*l.UnixMilli).UTC()
	}
	var err error
	if e.Record.Key, err = fromText("key", l.Key, l.KeyBase64); err != nil {
		return Entry{}, err
	}
	if e.Record.Value, err = fromText("body", l.Body, l.BodyBase64); err != nil {
		return Entry{}, err
	}
	for _, jh := range l.Headers {
		key, err := fromText("header key", jh.Key, jh.KeyBase64)
		if err != nil {
			return Entry{}, err
		}
		value, err := fromText("header value", jh.Value, jh.ValueBase64)
		if err != nil {
			return Entry{}, err
		}
		e.Record.Headers = append(e.Record.Headers, audit.Header{Key: string(key), Value: value})
	}
	return e, nil
}

func toText(b []byte) (*string, []byte) {
	if b == nil {
		return nil, nil
	}
	if len(b) > maxText || !utf8.Valid(b) {
		return nil, b
	}
	s := string(b)
	return &s, nil
}

func fromText(what string, text *string, raw []byte) ([]byte, error) {
	switch {
	case text != nil && raw != nil:
		return nil, fmt.Errorf("%s is given twice, as a string and in base64", what)
	case text != nil:
		return []byte(*text), nil
	default:
		return raw, nil
	}
}
