package hec

import (
	"bytes"
	"net/url"
)

const pathRaw = "/services/collector/raw"

// appendRaw appends a value for the raw endpoint and what ends it.
func (e *encoder) appendRaw(dst, value []byte) []byte {
	dst = append(dst, value...)
	if bytes.HasSuffix(value, e.lineBreaker) {
		return dst // an event between the two would be empty
	}
	return append(dst, e.lineBreaker...)
}

// target is the address that a topic's events are posted to, below base.
func (e *encoder) target(base *url.URL, topic string) string {
	path := pathEvent
	if e.raw {
		path = pathRaw
	}
	u := base.JoinPath(path)
	u.RawQuery = e.topic(topic).query
	return u.String()
}

// query is what the address says of all events of a request.
func (e *encoder) query(values [metaCount]string) string {
	q := url.Values{}
	if e.raw {
		for i, name := range metaNames() {
			if values[i] != "" {
				q.Set(name, values[i])
			}
		}
	}
	if e.autoExtract {
		q.Set("auto_extract_timestamp", "true")
	}
	return q.Encode()
}
