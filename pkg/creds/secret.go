// Package creds keeps secrets from being printed and turns certificate files
// into TLS configurations.
package creds

import (
	"fmt"
	"io"
)

// redacted is what every way of printing a Secret shows.
const redacted = "[redacted]"

// Secret holds a token or a password. Every formatter, encoder and logger
// prints "[redacted]" for it, or nothing if it is empty; only Reveal gives
// the value, and only the code that sends it on the wire calls that.
type Secret struct {
	// A pointer, since package fmt calls no methods on unexported fields of
	// other structs: there it prints an address and not the value.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

// Reveal returns the value itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty reports whether there is no value.
func (s Secret) Empty() bool { return s.Reveal() == "" }

// Equal reports whether both hold the same value.
func (s Secret) Equal(other Secret) bool { return s.Reveal() == other.Reveal() }

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// Format implements fmt.Formatter, so that no verb shows the value.
func (s Secret) Format(f fmt.State, _ rune) {
	_, _ = io.WriteString(f, s.String()) // fmt has no way to take the error
}

// MarshalText implements encoding.TextMarshaler for JSON, YAML and zap.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
