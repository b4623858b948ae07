package kafka

import (
	"fmt"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// The SASL mechanisms, named as Kafka names them.
const (
	Plain       = "PLAIN"
	ScramSHA256 = "SCRAM-SHA-256"
	ScramSHA512 = "SCRAM-SHA-512"
	OAuthBearer = "OAUTHBEARER"
)

// Mechanisms returns those that are offered, the usual one first.
func Mechanisms() []string { return []string{Plain, ScramSHA256, ScramSHA512, OAuthBearer} }

// SASL holds the credentials of one cluster: a user name and a password, for
// Confluent Cloud an API key and its secret; or, for OAUTHBEARER, those of a
// client of a token endpoint.
type SASL struct {
	Mechanism string       `mapstructure:"mechanism"`
	Username  string       `mapstructure:"username"`
	Password  creds.Secret `mapstructure:"password"`
	OAuth     OAuth        `mapstructure:"oauth"`
}

// DefaultSASL returns the defaults; the credentials have none.
func DefaultSASL() SASL { return SASL{Mechanism: Plain, OAuth: DefaultOAuth()} }

// Validate returns every mistake, each starting with its key.
func (s SASL) Validate() []error {
	if !slices.Contains(Mechanisms(), s.Mechanism) {
		return []error{fmt.Errorf("mechanism: %q is not supported; allowed are %s", s.Mechanism, strings.Join(Mechanisms(), ", "))}
	}
	var errs []error
	if s.Mechanism == OAuthBearer {
		for _, err := range s.OAuth.Validate() {
			errs = append(errs, fmt.Errorf("oauth.%w", err))
		}
		return errs
	}
	if s.Username == "" {
		errs = append(errs, fmt.Errorf("username: missing; %s", s.missingUser()))
	}
	if s.Password.Empty() {
		what := "the password"
		if s.Mechanism == Plain {
			what = "the API secret"
		}
		errs = append(errs, fmt.Errorf("password: missing; set kafka.sasl.password_file to a file that holds %s", what))
	}
	return errs
}

func (s SASL) missingUser() string {
	if s.Mechanism == Plain {
		return "give the API key, or set kafka.security_protocol to PLAINTEXT for a local broker"
	}
	return "give the name of the user that has " + s.Mechanism + " credentials at the broker"
}

// same reports whether both make a connection the same way. What the mechanism
// does not use does not count.
func (s SASL) same(o SASL) bool {
	switch {
	case s.Mechanism != o.Mechanism:
		return false
	case s.Mechanism == OAuthBearer:
		return s.OAuth.same(o.OAuth)
	}
	return s.Username == o.Username && s.Password.Equal(o.Password)
}

// who names the principal in words.
func (s SASL) who() string {
	if s.Mechanism == OAuthBearer {
		return s.OAuth.ClientID
	}
	return s.Username
}
