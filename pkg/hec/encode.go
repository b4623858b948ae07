package hec

import (
	"encoding/json"
	"strconv"

	"auditlog-forwarder/pkg/audit"
)

// encoder writes HEC envelopes. The parts that do not change are written once.
//
// Every envelope carries all metadata, since Splunk does not carry it over
// from one object of a request to the next, and no key that Splunk does not
// know, since an unknown key makes it drop the rest of the request in silence.
// The fields kafka_topic, kafka_partition and kafka_offset name the record, so
// that a repeated event can be recognised and a gap be proved in Splunk.
type encoder struct {
	meta  []byte
	named []string // STUB, see stubs.go
}

func newEncoder(cfg Config) encoder {
	var meta []byte
	for _, m := range []struct{ key, value string }{
		{"host", cfg.Host}, {"source", cfg.Source}, {"sourcetype", cfg.Sourcetype}, {"index", cfg.Index},
	} {
		if m.value != "" {
			meta = append(meta, '"')
			meta = append(meta, m.key...)
			meta = append(meta, `":`...)
			meta = appendString(meta, m.value)
			meta = append(meta, ',')
		}
	}
	return encoder{meta: append(meta, `"fields":{"kafka_topic":`...), named: namedIndexes(cfg)}
}

// append writes one envelope behind dst and says where the event starts,
// which is the record's value as it stands. It reports whether the time is the
// event's own; otherwise it is the record's, or, without one, left to Splunk.
func (e encoder) append(dst []byte, rec *audit.Record, ev audit.Event) (_ []byte, value int, own bool) {
	dst = append(dst, `{"time":`...)
	dst, own = audit.AppendEpoch(dst, ev.Time)
	switch {
	case own:
		dst = append(dst, ',')
	case !rec.Timestamp.IsZero():
		dst = append(audit.AppendEpochTime(dst, rec.Timestamp), ',')
	default:
		dst = dst[:len(dst)-len(`"time":`)]
	}
	dst = append(dst, e.meta...)
	dst = appendString(dst, rec.Topic)
	dst = append(dst, `,"kafka_partition":"`...)
	dst = strconv.AppendInt(dst, int64(rec.Partition), 10)
	dst = append(dst, `","kafka_offset":"`...)
	dst = strconv.AppendInt(dst, rec.Offset, 10)
	dst = append(dst, `"},"event":`...)
	value = len(dst)
	dst = append(dst, rec.Value...)
	return append(dst, '}'), value, own
}

// appendString appends a JSON string. Topic names, and most configured values,
// need no escape and skip the encoder.
func appendString(dst []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c >= 0x7f || c == '"' || c == '\\' {
			quoted, err := json.Marshal(s)
			if err != nil { // a string always encodes
				return append(dst, `""`...)
			}
			return append(dst, quoted...)
		}
	}
	dst = append(dst, '"')
	dst = append(dst, s...)
	return append(dst, '"')
}
