package hec

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"auditlog-forwarder/pkg/audit"
)

// base64Mark stands before a header's value that is no text.
const base64Mark = "base64:"

// fields are the indexed fields beside those that name the record.
type fields struct {
	fixed   []byte // `,"env":"prod"`, once for all events
	headers []fieldHeader
}

type fieldHeader struct {
	header string
	member []byte // `,"region":`
}

// parseFields reads Config.Fields and Config.FieldHeaders and returns every
// mistake.
func parseFields(fixed, headers []string) (f fields, errs []error) {
	taken := map[string]bool{}
	check := func(key, item, name string) bool {
		err := checkField(name)
		if err == nil && taken[name] {
			err = errors.New("the field is given twice")
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %q: %w", key, item, err))
			return false
		}
		taken[name] = true
		return true
	}
	member := func(name string) []byte { return append(appendText([]byte{','}, name), ':') }
	for _, item := range fixed {
		name, value, found := strings.Cut(item, "=")
		if !found || value == "" || !utf8.ValidString(value) {
			errs = append(errs, fmt.Errorf("fields: %q is no field; write name=value", item))
			continue
		}
		if check("fields", item, name) {
			f.fixed = appendText(append(f.fixed, member(name)...), value)
		}
	}
	for _, item := range headers {
		header, name := item, item
		if i := strings.LastIndexByte(item, '='); i >= 0 {
			header, name = item[:i], item[i+1:]
		}
		if header == "" {
			errs = append(errs, fmt.Errorf("field_headers: %q names no header; write the header's name, or header=field", item))
			continue
		}
		if check("field_headers", item, name) {
			f.headers = append(f.headers, fieldHeader{header: header, member: member(name)})
		}
	}
	return f, errs
}

// checkField says why a field may not have that name.
func checkField(name string) error {
	legal := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("_.:-", r)
	}
	switch {
	case name == "" || strings.ContainsFunc(name, func(r rune) bool { return !legal(r) }):
		return errors.New("no name for a field; allowed are letters, digits, _, ., : and -; another header name is sent as a field by header=field")
	case slices.Contains([]string{"kafka_topic", "kafka_partition", "kafka_offset"}, name):
		return errors.New("this field names the kafka record, by which repeats are recognised; give another name")
	case strings.HasPrefix(name, "_"),
		slices.Contains([]string{
			"index", "host", "source", "sourcetype", "time", "event", "fields", "linecount", "punct",
			"splunk_server", "splunk_server_group", "timestamp", "timestartpos", "timeendpos", "eventtype", "tag",
		}, name):
		return errors.New("this name is one of Splunk's own; give another name; index, source, sourcetype and host have their own keys")
	case strings.HasPrefix(name, "metric_name"):
		return errors.New("with a field metric_name Splunk takes the event for a measurement; give another name")
	}
	return nil
}

// appendHeaders appends the fields that the record's headers give.
func (f *fields) appendHeaders(dst []byte, headers []audit.Header) []byte {
	for i := range f.headers {
		want, found, first := &f.headers[i], 0, 0
		for _, h := range headers {
			if h.Key != want.header || len(h.Value) == 0 {
				continue
			}
			switch found++; found {
			case 1:
				dst = append(dst, want.member...)
				first = len(dst)
			case 2: // a header that is repeated is a list
				dst = append(slices.Insert(dst, first, '['), ',')
			default:
				dst = append(dst, ',')
			}
			dst = appendValue(dst, h.Value)
		}
		if found > 1 {
			dst = append(dst, ']')
		}
	}
	return dst
}

// appendValue appends a header's value as a JSON string.
func appendValue(dst, v []byte) []byte {
	if utf8.Valid(v) {
		return appendText(dst, v)
	}
	dst = append(dst, '"')
	dst = append(dst, base64Mark...)
	return append(base64.StdEncoding.AppendEncode(dst, v), '"')
}

// appendText appends a JSON string. What is no UTF-8 must not come here.
func appendText[T ~string | ~[]byte](dst []byte, s T) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := range len(s) {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' {
			continue
		}
		dst = append(dst, s[start:i]...)
		start = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}
