// Package creds keeps secrets from being printed and turns certificate files
// into TLS configurations.
package creds

// redacted is what every way of printing a Secret shows.
const redacted = "[redacted]"

// Secret holds a token or a password. Every formatter, encoder and logger
// prints "[redacted]" for it, or nothing if it is empty; only Reveal gives
// the value, and only the code that sends it on the wire calls that.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value: value} }

// Reveal returns the value itself.
func (s Secret) Reveal() string { return s.value }

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.value == "" }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer, so that %#v is safe as well.
func (s Secret) GoString() string { return s.String() }

// MarshalText implements encoding.TextMarshaler for JSON, YAML and zap.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
