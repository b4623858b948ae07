package hec

import (
	"errors"
	"strconv"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"auditlog-forwarder/pkg/audit"
)

// encoder writes events as Splunk is to get them. It is safe for concurrent
// use.
//
// Every envelope carries all metadata, since Splunk does not carry it over
// from one object of a request to the next, and no key that Splunk does not
// know, since an unknown key makes it drop the rest of the request in silence.
// The fields kafka_topic, kafka_partition and kafka_offset name the record, so
// that a repeated event can be recognised and a gap be proved in Splunk.
type encoder struct {
	raw         bool
	lineBreaker []byte
	formatted   bool
	time        string
	autoExtract bool

	rules   []*rule
	fixed   [metaCount]string
	headers [metaCount]string // the header that goes before rules and fixed; "": none
	byName  bool              // any of headers is set
	fields  fields
	topics  memo[string, *topicShape]

	configuredIndexes map[string]bool
	ignored           prometheus.Counter
}

// newEncoder makes an encoder. indexes are those that rules outside of cfg may
// send events to.
func newEncoder(cfg Config, indexes []string, reg prometheus.Registerer) (*encoder, error) {
	rules, errs := parseRules(cfg.Routes)
	extra, fieldErrs := parseFields(cfg.Fields, cfg.FieldHeaders)
	if err := errors.Join(append(errs, fieldErrs...)...); err != nil {
		return nil, err
	}
	e := &encoder{
		raw: cfg.Endpoint == EndpointRaw, lineBreaker: []byte(cfg.RawLineBreaker),
		formatted: cfg.Formatted, time: cfg.Time, autoExtract: cfg.AutoExtractTimestamp,
		rules: rules, fixed: cfg.fixedMeta(), headers: cfg.metaHeaders(), fields: extra,
		configuredIndexes: map[string]bool{"": true},
		ignored: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "auditlog_forwarder_hec_headers_ignored_total",
			Help: "Kafka headers that could not be used as index, source, sourcetype or host; the event went without.",
		}),
	}
	for i := range e.fixed { // a byte that is no UTF-8 would make Splunk refuse every event
		e.fixed[i] = strings.ToValidUTF8(e.fixed[i], "\uFFFD")
		e.byName = e.byName || e.headers[i] != ""
	}
	if !e.formatted {
		e.configuredIndexes[e.fixed[metaIndex]] = true
		for _, r := range rules {
			e.configuredIndexes[r.sets[metaIndex]] = true
		}
		for _, index := range indexes {
			e.configuredIndexes[index] = true
		}
	}
	if err := reg.Register(e.ignored); err != nil {
		return nil, err
	}
	return e, nil
}

// configured reports whether the configuration, or the token's default, names
// that index. Another one comes from a record: only that record suffers if
// Splunk has no such index. On the raw endpoint all comes from the configuration,
// and a value's own member "index" means nothing.
func (e *encoder) configured(index string) bool { return e.raw || e.configuredIndexes[index] }

// append writes one event behind dst and says where the record's value starts
// in it, byte for byte as it is. It reports whether the time is what was asked
// for: the event's own; otherwise it is the record's, or, without one, left to
// Splunk. After an error dst is as it was.
func (e *encoder) append(dst []byte, rec *audit.Record, ev audit.Event) (_ []byte, value int, own bool, err error) {
	switch {
	case e.raw:
		value = len(dst)
		return e.appendRaw(dst, rec.Value), value, true, nil
	case e.formatted:
		if err := checkEnvelope(rec.Value); err != nil {
			return dst, 0, true, err
		}
		value = len(dst)
		return append(dst, rec.Value...), value, true, nil
	}
	shape := e.topic(rec.Topic)
	m := shape.always
	if m == nil {
		m = shape.decide(e, rec, ev)
	}
	if ev.Route != nil {
		m = m.routed(shape, *ev.Route)
	}
	dst = append(dst, '{')
	dst, own = e.appendTime(dst, rec, ev)
	if e.byName && len(rec.Headers) > 0 {
		dst = e.appendMeta(dst, m, rec.Headers)
		dst = append(dst, shape.fields...)
	} else {
		dst = append(dst, m.whole...)
	}
	dst = strconv.AppendInt(dst, int64(rec.Partition), 10)
	dst = append(dst, `","kafka_offset":"`...)
	dst = strconv.AppendInt(dst, rec.Offset, 10)
	dst = append(dst, '"')
	dst = append(dst, e.fields.fixed...)
	if len(e.fields.headers) > 0 && len(rec.Headers) > 0 {
		dst = e.fields.appendHeaders(dst, rec.Headers)
	}
	dst = append(dst, `},"event":`...)
	value = len(dst)
	dst = append(dst, rec.Value...)
	return append(dst, '}'), value, own, nil
}

// appendTime appends the member "time" with its comma, or nothing.
func (e *encoder) appendTime(dst []byte, rec *audit.Record, ev audit.Event) (_ []byte, own bool) {
	const name = `"time":`
	switch e.time {
	case TimeNone:
		return dst, true
	case TimeRecord:
		own = true
	default:
		start := len(dst)
		if dst, own = audit.AppendEpoch(append(dst, name...), ev.Time); own {
			return append(dst, ','), true
		}
		dst = dst[:start]
	}
	// A producer may set a time before 1970, which could not be written.
	if rec.Timestamp.UnixMilli() < 0 {
		return dst, own
	}
	return append(audit.AppendEpochTime(append(dst, name...), rec.Timestamp), ','), own
}

// appendMeta appends metadata of which some may be named by headers. Of a
// header that is repeated the last usable one counts.
func (e *encoder) appendMeta(dst []byte, m *meta, headers []audit.Header) []byte {
next:
	for i, name := range e.headers {
		if name != "" {
			for n := len(headers) - 1; n >= 0; n-- {
				switch {
				case headers[n].Key != name:
				case usableText(headers[n].Value):
					dst = append(dst, m.names[i]...)
					dst = append(appendText(dst, headers[n].Value), ',')
					continue next
				default:
					e.ignored.Inc()
				}
			}
		}
		dst = append(dst, m.parts[i]...)
	}
	return dst
}
