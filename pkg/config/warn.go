package config

import (
	"fmt"
	"net"
	"net/url"
	"strings"

	"auditlog-forwarder/pkg/hec"
)

// dangers tells what is allowed but puts secrets at risk, and what was given
// but has no effect.
func (l *Loaded) dangers() []string {
	var warnings []string
	add := func(key, format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf("%s (%s): %s", key, l.Origin(key), fmt.Sprintf(format, args...)))
	}
	k, h := l.Kafka, l.HEC
	if k.UsesTLS() && k.TLS.InsecureSkipVerify {
		add("kafka.tls.insecure_skip_verify", "the brokers' certificates are not checked; anybody on the way can read the password and the events")
	}
	if k.UsesSASL() && !k.UsesTLS() {
		add("kafka.security_protocol", "the password and the events cross the network unencrypted")
	}
	if h.UsesTLS() && h.TLS.InsecureSkipVerify {
		add("hec.tls.insecure_skip_verify", "Splunk's certificate is not checked; anybody on the way can read the token and the events")
	}
	for _, u := range h.URLs {
		if strings.HasPrefix(strings.ToLower(u), "http://") && !isLoopback(u) {
			add("hec.url", "the token and the events cross the network unencrypted; use https")
			break
		}
	}

	unused := func(prefix, why string) {
		for _, key := range Keys() {
			if _, given := l.origins[key.Name]; given && (key.Name == prefix || strings.HasSuffix(prefix, ".") && strings.HasPrefix(key.Name, prefix)) {
				add(key.Name, "has no effect, since %s", why)
			}
		}
	}
	if k.TopicPattern != "" {
		unused("kafka.topics", "kafka.topic_pattern is set")
	}
	if !k.UsesTLS() {
		unused("kafka.tls.", "kafka.security_protocol is "+k.SecurityProtocol)
	}
	if !k.UsesSASL() {
		unused("kafka.sasl.", "kafka.security_protocol is "+k.SecurityProtocol)
	}
	switch {
	case h.Formatted:
		for _, key := range []string{"hec.index", "hec.source", "hec.sourcetype", "hec.host"} {
			unused(key, "hec.formatted is true: each value brings its own")
		}
	case h.Endpoint == hec.EndpointRaw && h.Time != hec.TimeNone:
		unused("hec.time", "hec.endpoint is raw: Splunk finds the time by the sourcetype's rules")
	}
	if h.Endpoint != hec.EndpointRaw {
		unused("hec.raw_line_breaker", "hec.endpoint is "+h.Endpoint)
	}
	if h.Limit.BytesPerDay == 0 {
		unused("hec.limit.on_daily_limit", "hec.limit.bytes_per_day is 0")
	}
	if len(h.URLs) > 0 && !h.UsesTLS() {
		unused("hec.tls.", "hec.url begins with http://")
	}
	return warnings
}

// isLoopback reports whether an address names this host.
func isLoopback(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || (ip != nil && ip.IsLoopback())
}
