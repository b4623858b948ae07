package hec

import (
	"errors"
	"fmt"
	"net/url"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// Config says where Splunk's HTTP Event Collector is and how to talk to it.
type Config struct {
	URL               string        `mapstructure:"url"`
	Token             creds.Secret  `mapstructure:"token"`
	Index             string        `mapstructure:"index"`
	Source            string        `mapstructure:"source"`
	Sourcetype        string        `mapstructure:"sourcetype"`
	Host              string        `mapstructure:"host"`
	Gzip              bool          `mapstructure:"gzip"`
	GzipLevel         int           `mapstructure:"gzip_level"`
	Timeout           time.Duration `mapstructure:"timeout"`
	BackoffMin        time.Duration `mapstructure:"backoff_min"`
	BackoffMax        time.Duration `mapstructure:"backoff_max"`
	MaxEventBytes     int           `mapstructure:"max_event_bytes"`
	PartialAcceptance string        `mapstructure:"partial_acceptance"`
	TLS               creds.TLS     `mapstructure:"tls"`
}

// The two ways to read invalid-event-number; see Config.PartialAcceptance.
const (
	PartialPrefix = "prefix" // events before the refused one are indexed (as measured)
	PartialNone   = "none"   // nothing of a refused request is indexed
)

// DefaultConfig returns the defaults; URL and Token have none.
func DefaultConfig() Config {
	return Config{
		Source:            "http:Confluent Audit Logs",
		Sourcetype:        "confluent:auditlog",
		Gzip:              true,
		GzipLevel:         1,
		Timeout:           30 * time.Second,
		BackoffMin:        500 * time.Millisecond,
		BackoffMax:        30 * time.Second,
		MaxEventBytes:     5 << 20,
		PartialAcceptance: PartialPrefix,
	}
}

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	switch u, err := url.Parse(c.URL); {
	case c.URL == "":
		errs = append(errs, errors.New("url: missing; give Splunk's HEC address, such as https://splunk.example.com:8088"))
	case err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "":
		errs = append(errs, fmt.Errorf("url: %q is not an address; give https://host:port or http://host:port", redactURL(c.URL)))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		errs = append(errs, fmt.Errorf("url: %q holds a user, a query or a fragment; give only https://host:port and put the token into hec.token_file", redactURL(c.URL)))
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
		{"timeout", c.Timeout, time.Second},
		{"backoff_min", c.BackoffMin, time.Millisecond},
		{"backoff_max", c.BackoffMax, c.BackoffMin},
	} {
		if d.val < d.min {
			errs = append(errs, fmt.Errorf("%s: %s is too short; allowed is %s or longer", d.key, d.val, d.min))
		}
	}
	// A 1 GiB event would not fit any HEC limit (max_content_length is 800 MB).
	if c.MaxEventBytes < 1024 || c.MaxEventBytes > 800<<20 {
		errs = append(errs, fmt.Errorf("max_event_bytes: %d is out of range; allowed are 1KiB to 800MiB", c.MaxEventBytes))
	}
	if c.PartialAcceptance != PartialPrefix && c.PartialAcceptance != PartialNone {
		errs = append(errs, fmt.Errorf("partial_acceptance: %q is unknown; allowed are %s and %s", c.PartialAcceptance, PartialPrefix, PartialNone))
	}
	return errs
}

// redactURL drops what may be a token from an address that is to be printed:
// user, password, query and fragment.
func redactURL(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return "(unreadable)"
	}
	return (&url.URL{Scheme: u.Scheme, Opaque: u.Opaque, Host: u.Host, Path: u.Path}).String()
}
