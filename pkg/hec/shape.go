package hec

import (
	"errors"
	"fmt"
)

// AnyText reports whether a value may be any text: the raw endpoint takes it
// as it is. Elsewhere a value is one JSON object.
func (c Config) AnyText() bool { return c.Endpoint == EndpointRaw }

// validateShape returns the mistakes in what says how an event is sent.
func (c Config) validateShape() []error {
	rules, errs := parseRules(c.Routes)
	_, fieldErrs := parseFields(c.Fields, c.FieldHeaders)
	errs = append(errs, fieldErrs...)
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	for i, v := range c.fixedMeta() {
		if v != "" && !usableText([]byte(v)) {
			add("%s: %.40q holds a control character, is no UTF-8 or is longer than %d bytes", metaNames()[i], v, maxMeta)
		}
	}
	if c.AutoExtractTimestamp && c.Time != TimeNone {
		add("auto_extract_timestamp: has no effect while a time is sent; set hec.time to %s", TimeNone)
	}
	if c.Limit.BytesPerDay > 0 && c.Limit.OnDailyLimit == DailySlow && c.Limit.BytesPerDay < c.MaxEventBytes {
		add("limit.bytes_per_day: %d is less than one event may have (hec.max_event_bytes is %d), which could then never be sent; raise it, or lower hec.max_event_bytes", c.Limit.BytesPerDay, c.MaxEventBytes)
	}

	switch {
	case c.Formatted && c.Endpoint == EndpointRaw:
		add("formatted: the raw endpoint reads no HEC events; set hec.endpoint to %s", EndpointEvent)
	case c.Formatted:
		for _, key := range c.shapedBy() {
			add("%s: cannot be used with hec.formatted, whose values are sent as they are; remove one of them", key)
		}
		if len(c.Routes) > 0 {
			errs = append(errs, errors.New("routes: cannot be used with hec.formatted, whose values name their own index; remove one of them"))
		}
		if c.Time == TimeRecord {
			add("time: %s cannot be used with hec.formatted, whose values bring their own time; remove it", c.Time)
		}
	case c.Endpoint == EndpointRaw:
		if c.RawLineBreaker == "" {
			errs = append(errs, errors.New("raw_line_breaker: empty; events would run into each other; give what the sourcetype breaks at, such as a line break"))
		}
		for _, key := range c.shapedBy() {
			add("%s: the raw endpoint takes nothing for a single event; remove it, or set hec.endpoint to %s", key, EndpointEvent)
		}
		for i, r := range rules {
			// With a mistake in an earlier rule the numbers would not fit.
			if !r.constant() && len(rules) == len(c.Routes) {
				add("routes: rule %d, %q: the raw endpoint is told index, source, sourcetype and host for a whole topic; use only topic= as condition, or set hec.endpoint to %s", i+1, c.Routes[i], EndpointEvent)
			}
		}
		if c.Time == TimeRecord {
			add("time: %s cannot be used with the raw endpoint, which takes no time for a single event; remove it: Splunk finds the time by the sourcetype's rules", c.Time)
		}
		if c.AutoExtractTimestamp {
			errs = append(errs, errors.New("auto_extract_timestamp: the raw endpoint always does that; remove it"))
		}
	}
	return errs
}

// shapedBy returns the keys that are set and give a single event its own
// metadata or fields.
func (c Config) shapedBy() (keys []string) {
	for i, header := range c.metaHeaders() {
		if header != "" {
			keys = append(keys, metaNames()[i]+"_header")
		}
	}
	if len(c.Fields) > 0 {
		keys = append(keys, "fields")
	}
	if len(c.FieldHeaders) > 0 {
		keys = append(keys, "field_headers")
	}
	return keys
}

// fixedMeta is what every event is sent with that no header and no rule sends
// with anything else.
func (c Config) fixedMeta() [metaCount]string {
	return [metaCount]string{metaHost: c.Host, metaSource: c.Source, metaSourcetype: c.Sourcetype, metaIndex: c.Index}
}

func (c Config) metaHeaders() [metaCount]string {
	return [metaCount]string{metaHost: c.HostHeader, metaSource: c.SourceHeader, metaSourcetype: c.SourcetypeHeader, metaIndex: c.IndexHeader}
}
