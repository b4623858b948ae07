// Package audit knows what a Kafka record and a Confluent audit event are.
//
// An audit event is one CloudEvents 1.0 object in structured JSON, one event
// to a record value. The package reads the few envelope fields that delivery
// needs straight from the bytes and proves, in the same pass, that the value
// is one well-formed JSON object. It never decodes, changes or copies the
// body: what comes out of Kafka goes into Splunk byte for byte.
package audit

import "time"

// Record is one Kafka record. The slices belong to whoever made the Record
// and are valid only until the next record is read: copy what must last.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Timestamp time.Time // zero if the record has none
	Key       []byte    // nil if the record has none
	Value     []byte    // nil for a tombstone
	Headers   []Header
}

// Header is one Kafka record header.
type Header struct {
	Key   string
	Value []byte
}

// Batch is a run of encoded events of one partition on its way to a destination.
type Batch struct {
	Topic     string
	Partition int32
	Body      []byte // the encoded events, one behind the other
	Ends      []int  // where each event ends in Body
	Values    int    // bytes of the events alone, without what encoding added
}

// Refusal is a destination's final word on one event of a batch: the event
// is not stored there and never will be, while its neighbours may be.
type Refusal struct {
	Index int    // position of the event in the batch, from 0
	Code  int    // the destination's code: a HEC code, or an HTTP status without one
	Reply string // what the destination said, shortened
}
