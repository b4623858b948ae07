package forwarder

import (
	"fmt"
	"time"
)

// Config bounds a lane: when a batch is full, and how many may be unsettled.
type Config struct {
	MaxEvents int           `mapstructure:"max_events"`
	MaxBytes  int           `mapstructure:"max_bytes"`
	Linger    time.Duration `mapstructure:"linger"`
	Window    int           `mapstructure:"window"`
	// MaxUncommitted is shared by all lanes; 0 is no bound.
	MaxUncommitted int           `mapstructure:"max_uncommitted"`
	Drain          time.Duration `mapstructure:"drain"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		MaxEvents:      1000,
		MaxBytes:       512 << 10,
		Linger:         time.Second,
		Window:         3,
		MaxUncommitted: 1000,
		Drain:          10 * time.Second,
	}
}

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	for _, n := range []struct {
		key           string
		val, min, max int
		unit          string
	}{
		{"max_events", c.MaxEvents, 1, 100_000, ""},
		{"max_bytes", c.MaxBytes, 1 << 10, 64 << 20, " bytes"},
		{"window", c.Window, 1, 64, ""},
		{"max_uncommitted", c.MaxUncommitted, 0, 1_000_000, ""},
	} {
		if n.val < n.min || n.val > n.max {
			errs = append(errs, fmt.Errorf("%s: %d is out of range; allowed are %d to %d%s", n.key, n.val, n.min, n.max, n.unit))
		}
	}
	for _, d := range []struct {
		key           string
		val, min, max time.Duration
	}{
		{"linger", c.Linger, time.Millisecond, 5 * time.Minute},
		{"drain", c.Drain, 0, 10 * time.Minute},
	} {
		if d.val < d.min || d.val > d.max {
			errs = append(errs, fmt.Errorf("%s: %s is out of range; allowed are %s to %s", d.key, d.val, d.min, d.max))
		}
	}
	return errs
}
