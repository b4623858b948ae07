package deadletter

import (
	"errors"
	"fmt"
)

// Config says where refused records are kept and how many bytes of them.
type Config struct {
	Dir string `mapstructure:"dir"`
	// MaxBytes bounds the file. All dead letters of a batch are kept at once,
	// so it must exceed what the largest batch takes there when none of its
	// records is an event: escapes in JSON may make a text six times as long,
	// and bytes that are no text a third longer. A batch that does not fit
	// into an empty store stops its partition (ErrTooSmall).
	MaxBytes int64 `mapstructure:"max_bytes"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config { return Config{Dir: "dead-letter", MaxBytes: 1 << 30} }

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	var errs []error
	if c.Dir == "" {
		errs = append(errs, errors.New("dir: empty; give a folder that this user may write"))
	}
	if c.MaxBytes < 1<<20 {
		errs = append(errs, fmt.Errorf("max_bytes: %d is too small; allowed is 1MiB or more", c.MaxBytes))
	}
	return errs
}
