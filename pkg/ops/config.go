package ops

import (
	"fmt"
	"net"
	"strconv"
)

// Config says where the admin server listens.
type Config struct {
	Listen string `mapstructure:"listen"` // host:port; empty: no admin server
}

// DefaultConfig returns the defaults: loopback only, since the pages hold no
// secrets but do tell about the estate.
func DefaultConfig() Config { return Config{Listen: "127.0.0.1:9611"} }

// Validate returns every mistake, each starting with its key.
func (c Config) Validate() []error {
	if c.Listen == "" {
		return nil
	}
	_, port, err := net.SplitHostPort(c.Listen)
	if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil {
		return []error{fmt.Errorf("listen: %q is not host:port; give one such as 127.0.0.1:9611, or an empty value for no admin server", c.Listen)}
	}
	return nil
}
