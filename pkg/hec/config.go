package hec

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// Config says where Splunk's HTTP Event Collector is and how to talk to it.
type Config struct {
	URLs  []string     `mapstructure:"url"`
	Token creds.Secret `mapstructure:"token"`

	// What each event is sent with.
	Index                string   `mapstructure:"index"`
	Source               string   `mapstructure:"source"`
	Sourcetype           string   `mapstructure:"sourcetype"`
	Host                 string   `mapstructure:"host"`
	Routes               []string `mapstructure:"routes"`
	IndexHeader          string   `mapstructure:"index_header"`
	SourceHeader         string   `mapstructure:"source_header"`
	SourcetypeHeader     string   `mapstructure:"sourcetype_header"`
	HostHeader           string   `mapstructure:"host_header"`
	Fields               []string `mapstructure:"fields"`
	FieldHeaders         []string `mapstructure:"field_headers"`
	Time                 string   `mapstructure:"time"`
	AutoExtractTimestamp bool     `mapstructure:"auto_extract_timestamp"`
	Formatted            bool     `mapstructure:"formatted"`
	Endpoint             string   `mapstructure:"endpoint"`
	RawLineBreaker       string   `mapstructure:"raw_line_breaker"`
	MaxEventBytes        int      `mapstructure:"max_event_bytes"`

	// How it is sent.
	Gzip              bool          `mapstructure:"gzip"`
	GzipLevel         int           `mapstructure:"gzip_level"`
	Timeout           time.Duration `mapstructure:"timeout"`
	BackoffMin        time.Duration `mapstructure:"backoff_min"`
	BackoffMax        time.Duration `mapstructure:"backoff_max"`
	PartialAcceptance string        `mapstructure:"partial_acceptance"`
	ConnectionMaxAge  time.Duration `mapstructure:"connection_max_age"`
	HTTP2             bool          `mapstructure:"http2"`
	Proxy             creds.Secret  `mapstructure:"proxy"`

	Ack   Ack       `mapstructure:"ack"`
	Limit Limit     `mapstructure:"limit"`
	TLS   creds.TLS `mapstructure:"tls"`
}

// Ack says whether and how Splunk is asked if it has indexed what it took.
type Ack struct {
	Enabled      bool          `mapstructure:"enabled"`
	PollInterval time.Duration `mapstructure:"poll_interval"`
	Timeout      time.Duration `mapstructure:"timeout"`
}

// Limit bounds what Splunk is sent; 0 is no limit.
type Limit struct {
	EventsPerSecond int    `mapstructure:"events_per_second"`
	BytesPerSecond  int    `mapstructure:"bytes_per_second"`
	BytesPerDay     int    `mapstructure:"bytes_per_day"`
	OnDailyLimit    string `mapstructure:"on_daily_limit"`
}

// The two ways to read invalid-event-number; see Config.PartialAcceptance.
const (
	PartialPrefix = "prefix" // events before the refused one are indexed (as measured)
	PartialNone   = "none"   // nothing of a refused request is indexed
)

// The two endpoints; see Config.Endpoint.
const (
	EndpointEvent = "event"
	EndpointRaw   = "raw"
)

// What an event's time is; see Config.Time.
const (
	TimeEvent  = "event"  // the event's own, else the record's
	TimeRecord = "record" // the Kafka record's timestamp
	TimeNone   = "none"   // none is sent: Splunk's own choice
)

// What happens at the day's limit; see Limit.OnDailyLimit.
const (
	DailySlow = "slow" // spread what is left over the rest of the day
	DailyWarn = "warn" // tell, and go on
)

// DefaultConfig returns the defaults; URLs and Token have none.
func DefaultConfig() Config {
	return Config{
		URLs:              []string{},
		Source:            "http:Confluent Audit Logs",
		Sourcetype:        "confluent:auditlog",
		Routes:            []string{},
		Fields:            []string{},
		FieldHeaders:      []string{},
		Time:              TimeEvent,
		Endpoint:          EndpointEvent,
		RawLineBreaker:    "\n",
		MaxEventBytes:     5 << 20,
		Gzip:              true,
		GzipLevel:         1,
		Timeout:           30 * time.Second,
		BackoffMin:        500 * time.Millisecond,
		BackoffMax:        30 * time.Second,
		PartialAcceptance: PartialPrefix,
		ConnectionMaxAge:  5 * time.Minute,
		HTTP2:             true,
		Ack:               Ack{PollInterval: time.Second, Timeout: 5 * time.Minute},
		Limit:             Limit{OnDailyLimit: DailySlow},
		TLS:               creds.DefaultTLS(),
	}
}

// UsesTLS reports whether any address is https.
func (c Config) UsesTLS() bool {
	for _, u := range c.URLs {
		if strings.HasPrefix(strings.ToLower(u), "https://") {
			return true
		}
	}
	return false
}

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	if len(c.URLs) == 0 {
		errs = append(errs, errors.New("url: missing; give Splunk's HEC address, such as https://splunk.example.com:8088"))
	}
	for i, raw := range c.URLs {
		switch u, err := url.Parse(raw); {
		case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
			errs = append(errs, fmt.Errorf("url: %q is not an address; give https://host:port or http://host:port", redactURL(raw)))
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			errs = append(errs, fmt.Errorf("url: %q holds a user, a query or a fragment; give only https://host:port and put the token into hec.token_file", redactURL(raw)))
		case slices.ContainsFunc(c.URLs[:i], func(other string) bool { return sameAddress(raw, other) }):
			errs = append(errs, fmt.Errorf("url: %q is given twice; give each address once", redactURL(raw)))
		}
	}
	if c.Token.Empty() {
		errs = append(errs, errors.New("token: missing; set hec.token_file to a file that holds the HEC token"))
	}
	if c.GzipLevel < 1 || c.GzipLevel > 9 {
		errs = append(errs, fmt.Errorf("gzip_level: %d is out of range; allowed are 1 (fastest) to 9 (smallest)", c.GzipLevel))
	}
	for _, d := range []struct {
		key      string
		val, min time.Duration
	}{
		{"timeout", c.Timeout, 100 * time.Millisecond},
		{"backoff_min", c.BackoffMin, time.Millisecond},
		{"backoff_max", c.BackoffMax, c.BackoffMin},
		{"connection_max_age", c.ConnectionMaxAge, 0},
		{"ack.poll_interval", c.Ack.PollInterval, 10 * time.Millisecond},
		{"ack.timeout", c.Ack.Timeout, 100 * time.Millisecond},
	} {
		if d.val < d.min {
			errs = append(errs, fmt.Errorf("%s: %s is too short; allowed is %s or longer", d.key, d.val, d.min))
		}
	}
	// With less, not even the second poll could tell, and all would be sent again and again.
	if least := 2 * c.Ack.PollInterval; c.Ack.Enabled && c.Ack.Timeout < least {
		errs = append(errs, fmt.Errorf("ack.timeout: %s is less than two polls (hec.ack.poll_interval is %s), so that all would be sent again and again; give minutes, as indexing may take them", c.Ack.Timeout, c.Ack.PollInterval))
	}
	for _, n := range []struct {
		key string
		val int
	}{
		{"limit.events_per_second", c.Limit.EventsPerSecond},
		{"limit.bytes_per_second", c.Limit.BytesPerSecond},
		{"limit.bytes_per_day", c.Limit.BytesPerDay},
	} {
		if n.val < 0 {
			errs = append(errs, fmt.Errorf("%s: %d is out of range; allowed is 0 (no limit) or more", n.key, n.val))
		}
	}
	// A 1 GiB event would not fit any HEC limit (max_content_length is 800 MB).
	if c.MaxEventBytes < 1024 || c.MaxEventBytes > 800<<20 {
		errs = append(errs, fmt.Errorf("max_event_bytes: %d is out of range; allowed are 1KiB to 800MiB", c.MaxEventBytes))
	}
	for _, s := range []struct {
		key, val string
		allowed  []string
	}{
		{"partial_acceptance", c.PartialAcceptance, []string{PartialPrefix, PartialNone}},
		{"endpoint", c.Endpoint, []string{EndpointEvent, EndpointRaw}},
		{"time", c.Time, []string{TimeEvent, TimeRecord, TimeNone}},
		{"limit.on_daily_limit", c.Limit.OnDailyLimit, []string{DailySlow, DailyWarn}},
	} {
		if !slices.Contains(s.allowed, s.val) {
			errs = append(errs, fmt.Errorf("%s: %q is unknown; allowed are %s", s.key, s.val, strings.Join(s.allowed, ", ")))
		}
	}
	if _, err := c.proxy(); err != nil {
		errs = append(errs, fmt.Errorf("proxy: %w", err))
	}
	for _, err := range c.TLS.Validate() {
		errs = append(errs, fmt.Errorf("tls.%w", err))
	}
	return append(errs, c.validateShape()...)
}

// redactURL drops what may be a token from an address that is to be printed:
// user, password, query and fragment.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	switch {
	case err == nil:
	case strings.ContainsAny(raw, "@?#"):
		return "(unreadable)"
	default: // most often only https:// is missing
		return raw
	}
	return (&url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}).String()
}
