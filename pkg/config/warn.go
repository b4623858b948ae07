package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/net/http/httpproxy"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
)

// enoughWindow is the batch.window from which waiting for acknowledgements
// leaves Splunk enough to do: a batch is out for as long as indexing takes.
const enoughWindow = 16

// dangers tells what is allowed but puts secrets at risk, what works badly
// together, and what was given but has no effect.
func (l *Loaded) dangers(env []string) []string {
	var warnings []string
	add := func(key, format string, args ...any) {
		warnings = append(warnings, fmt.Sprintf("%s (%s): %s", key, l.Origin(key), fmt.Sprintf(format, args...)))
	}
	k, h := l.Kafka, l.HEC
	if k.UsesTLS() {
		l.unchecked(add, "kafka.tls", k.TLS, "the brokers' certificates are", "the password")
	}
	if k.UsesSASL() {
		l.saslDangers(add, "kafka", k)
	}
	if d := l.DeadLetterTopic; d.UsesSASL() {
		l.saslDangers(add, "dead_letter_topic", kafka.Config{SecurityProtocol: d.SecurityProtocol, BootstrapServers: d.BootstrapServers, SASL: d.SASL})
	}
	if d := l.DeadLetterTopic; d.UsesTLS() {
		l.unchecked(add, "dead_letter_topic.tls", d.TLS, "the brokers' certificates are", "the password")
	}
	if l.Mirror.UsesSASL() {
		l.saslDangers(add, "mirror", l.Mirror.Cluster(""))
	}
	if l.Mirror.UsesTLS() {
		l.unchecked(add, "mirror.tls", l.Mirror.TLS, "the brokers' certificates are", "the password")
	}
	if h.UsesTLS() {
		l.unchecked(add, "hec.tls", h.TLS, "Splunk's certificate is", "the token")
	}
	l.alertDangers(add)
	l.addresses(add, env)
	if h.Ack.Enabled {
		l.slowAcks(add)
	}
	l.unused(add)
	return warnings
}

// saslDangers tells what the credentials of one cluster risk.
func (l *Loaded) saslDangers(add adder, section string, c kafka.Config) {
	oauth := c.SASL.Mechanism == kafka.OAuthBearer
	if !c.UsesTLS() {
		secret := "password"
		if oauth {
			secret = "token"
		}
		add(section+".security_protocol", "the %s and the events cross the network unencrypted", secret)
	}
	if !oauth {
		return
	}
	const key = ".sasl.oauth"
	l.unchecked(add, section+key+".tls", c.SASL.OAuth.TLS, "the token endpoint's certificate is", "the client secret")
	if u := c.SASL.OAuth.TokenURL; strings.HasPrefix(strings.ToLower(u), "http://") && !isLoopback(u) {
		add(section+key+".token_url", "the client secret and the tokens cross the network unencrypted; use https")
	}
	if c.SASL.OAuth.LogicalCluster == "" && c.AtConfluent() {
		add(section+key+".logical_cluster", "Confluent Cloud refuses tokens without the id of the cluster, but on some private links; give lkc-…")
	}
}

// adder adds one warning about a key.
type adder func(key, format string, args ...any)

// unchecked tells about certificates that are not checked as they should be.
func (l *Loaded) unchecked(add adder, prefix string, t creds.TLS, whose, secret string) {
	switch key := prefix + ".insecure_skip_verify"; {
	case !t.InsecureSkipVerify:
	case len(t.PinnedSHA256) > 0:
		add(key, "accepted is only what %s.pinned_sha256 (%s) names; name, chain and end of validity are not checked", prefix, l.Origin(prefix+".pinned_sha256"))
	default:
		add(key, "%s not checked; anybody on the way can read %s and the events", whose, secret)
	}
}

// addresses tells about the ways to Splunk.
func (l *Loaded) addresses(add adder, env []string) {
	var open, encrypted []string
	for _, u := range l.HEC.URLs {
		switch scheme := strings.ToLower(u); {
		case strings.HasPrefix(scheme, "https://"):
			encrypted = append(encrypted, u)
		case strings.HasPrefix(scheme, "http://") && !isLoopback(u):
			open = append(open, u)
		}
	}
	switch {
	case len(open) > 0 && len(encrypted) > 0:
		add("hec.url", "some addresses are http:// and some https://; to %s the token and the events cross the network unencrypted; use https for all", strings.Join(open, ", "))
	case len(open) > 0:
		add("hec.url", "the token and the events cross the network unencrypted; use https")
	}

	switch proxy := l.HEC.Proxy.Reveal(); {
	case proxy == "":
		l.proxyOfEnvironment(add, env)
	case proxy != "direct":
		if u, err := url.Parse(proxy); err == nil && u.User != nil && u.Scheme == "http" && !isLoopback(proxy) {
			add("hec.proxy", "the proxy's password crosses the network unencrypted, as it does with every http:// proxy")
		}
	}
}

// proxyOfEnvironment tells that variables which were perhaps meant for others
// decide how Splunk is reached.
func (l *Loaded) proxyOfEnvironment(add adder, env []string) {
	get := func(names ...string) string {
		for _, name := range names {
			for _, pair := range slices.Backward(env) {
				if v, ok := strings.CutPrefix(pair, name+"="); ok && v != "" {
					return v
				}
			}
		}
		return ""
	}
	proxyOf := (&httpproxy.Config{
		HTTPProxy: get("HTTP_PROXY", "http_proxy"), HTTPSProxy: get("HTTPS_PROXY", "https_proxy"), NoProxy: get("NO_PROXY", "no_proxy"),
	}).ProxyFunc()
	for _, raw := range l.HEC.URLs {
		u, err := url.Parse(raw)
		if err != nil {
			continue
		}
		// Only the host is shown, since the rest may hold a password.
		if proxy, err := proxyOf(u); err == nil && proxy != nil {
			add("hec.proxy", "%s is reached through the proxy %s of %s_PROXY; set hec.proxy to direct if that is not meant, or name the host in NO_PROXY",
				u.Host, proxy.Host, strings.ToUpper(u.Scheme))
		}
	}
}

// slowAcks tells what works badly together with acknowledgements.
func (l *Loaded) slowAcks(add adder) {
	b, ack := l.Batch, l.HEC.Ack
	if b.Window < enoughWindow {
		add("batch.window", "%d is little with hec.ack.enabled: a batch is out until Splunk has indexed it, which takes seconds, so each partition gets on by at most %d events in that time; give %d or more",
			b.Window, b.Window*b.MaxEvents, enoughWindow)
	}
	if least := 3 * ack.PollInterval; b.Drain < least {
		add("batch.drain", "%s is short with hec.ack.enabled and hec.ack.poll_interval %s: an orderly stop does not wait for the acknowledgements that are open, and their events are sent again; give %s or more",
			formatDuration(b.Drain), formatDuration(ack.PollInterval), formatDuration(least))
	}
	for _, raw := range l.HEC.URLs {
		if u, err := url.Parse(raw); err == nil && strings.HasSuffix(strings.ToLower(u.Hostname()), ".splunkcloud.com") {
			add("hec.ack.enabled", "Splunk Cloud documents acknowledgement for Kinesis Firehose only; ask its support before you rely on it at %s", u.Host)
			break
		}
	}
}

// unused tells what was given but has no effect.
func (l *Loaded) unused(add adder) {
	k, h, keys := l.Kafka, l.HEC, Keys()
	unused := func(prefix, why string) {
		for _, key := range keys {
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
	switch why := "kafka.sasl.mechanism is " + k.SASL.Mechanism; {
	case !k.UsesSASL():
		unused("kafka.sasl.", "kafka.security_protocol is "+k.SecurityProtocol)
	case k.SASL.Mechanism == kafka.OAuthBearer:
		unused("kafka.sasl.username", why)
		unused("kafka.sasl.password", why)
	default:
		unused("kafka.sasl.oauth.", why)
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
	if !h.Gzip {
		unused("hec.gzip_level", "hec.gzip is false")
	}
	if !h.Ack.Enabled {
		unused("hec.ack.poll_interval", "hec.ack.enabled is false")
		unused("hec.ack.timeout", "hec.ack.enabled is false")
	}
	if h.Limit.BytesPerDay == 0 {
		unused("hec.limit.on_daily_limit", "hec.limit.bytes_per_day is 0")
	}
	if len(h.URLs) > 0 && !h.UsesTLS() {
		unused("hec.tls.", "hec.url begins with http://")
	}
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
