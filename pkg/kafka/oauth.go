package kafka

import (
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"regexp"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// OAuth says who asks which token endpoint for the tokens of OAUTHBEARER, by
// the grant of client credentials (RFC 6749, section 4.4), and what is told to
// the broker beside the token (KIP-342).
type OAuth struct {
	TokenURL       string       `mapstructure:"token_url"`
	ClientID       string       `mapstructure:"client_id"`
	ClientSecret   creds.Secret `mapstructure:"client_secret"`
	Scope          string       `mapstructure:"scope"`
	Audience       string       `mapstructure:"audience"`
	LogicalCluster string       `mapstructure:"logical_cluster"`
	IdentityPool   string       `mapstructure:"identity_pool"`
	Extensions     []string     `mapstructure:"extensions"` // each name=value
	TLS            creds.TLS    `mapstructure:"tls"`        // to the token endpoint
}

// The names of the extensions that Confluent Cloud reads.
const (
	extLogicalCluster = "logicalCluster"
	extIdentityPool   = "identityPoolId"
)

// DefaultOAuth returns the defaults: no client.
func DefaultOAuth() OAuth { return OAuth{Extensions: []string{}, TLS: creds.DefaultTLS()} }

// Validate returns every mistake, each starting with its key.
func (o OAuth) Validate() []error {
	var errs []error
	add := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch u, err := url.Parse(o.TokenURL); {
	case o.TokenURL == "":
		add("token_url: missing; give the token endpoint of the identity provider, such as https://idp.example.com/oauth2/token")
	case err != nil: // its text may hold the password of the address
		add("token_url: it is no address; give one such as https://idp.example.com/oauth2/token")
	case u.User != nil:
		add("token_url: it holds a user or a password; give these as kafka.sasl.oauth.client_id and kafka.sasl.oauth.client_secret_file")
	case u.Scheme != "https" && u.Scheme != "http" || u.Host == "":
		add("token_url: %q is no address of a token endpoint; give one such as https://idp.example.com/oauth2/token", o.TokenURL)
	case u.Fragment != "":
		add("token_url: %q has a part behind #, which is never sent; remove it", o.TokenURL)
	}
	if o.ClientID == "" {
		add("client_id: missing; give the id of the client (application) at the identity provider")
	}
	if o.ClientSecret.Empty() {
		add("client_secret: missing; set kafka.sasl.oauth.client_secret_file to a file that holds the client's secret")
	}
	for _, known := range []struct{ key, value string }{{"logical_cluster", o.LogicalCluster}, {"identity_pool", o.IdentityPool}} {
		if known.value != "" && !extensionValue(known.value) {
			add("%s: %q has characters that cannot be sent; allowed are printable ASCII characters", known.key, known.value)
		}
	}
	if _, err := o.extensions(); err != nil {
		add("extensions: %w", err)
	}
	for _, err := range o.TLS.Validate() {
		add("tls.%w", err)
	}
	return errs
}

// extensions returns what is told to the broker beside the token.
func (o OAuth) extensions() (map[string]string, error) {
	ext := map[string]string{}
	for _, pair := range o.Extensions {
		name, value, ok := strings.Cut(pair, "=")
		switch {
		case !ok:
			return nil, fmt.Errorf("%q is not name=value; give for example traceId=forwarder", pair)
		case name == extLogicalCluster:
			return nil, errors.New(extLogicalCluster + " has a key of its own; give it as kafka.sasl.oauth.logical_cluster")
		case name == extIdentityPool:
			return nil, errors.New(extIdentityPool + " has a key of its own; give it as kafka.sasl.oauth.identity_pool")
		case name == "auth":
			return nil, errors.New("the name auth is the token's own; take another name")
		case !regexp.MustCompile(`^[A-Za-z]+$`).MatchString(name):
			return nil, fmt.Errorf("the name %q; Kafka allows letters only", name)
		case !extensionValue(value):
			return nil, fmt.Errorf("the value of %s is empty or has characters that cannot be sent; allowed are printable ASCII characters", name)
		}
		if _, twice := ext[name]; twice {
			return nil, fmt.Errorf("%s is given twice; keep one of the two", name)
		}
		ext[name] = value
	}
	if o.LogicalCluster != "" {
		ext[extLogicalCluster] = o.LogicalCluster
	}
	if o.IdentityPool != "" {
		ext[extIdentityPool] = o.IdentityPool
	}
	return ext, nil
}

// extensionValue reports whether the broker's parser takes a value. Kafka also
// allows tabs and line breaks, which nobody means.
func extensionValue(v string) bool {
	return v != "" && strings.IndexFunc(v, func(r rune) bool { return r < ' ' || r > '~' }) < 0
}

// same reports whether both ask for the same tokens in the same way.
func (o OAuth) same(p OAuth) bool {
	return o.client() == p.client() && o.ClientSecret.Equal(p.ClientSecret) && reflect.DeepEqual(o.Extensions, p.Extensions) && reflect.DeepEqual(o.TLS, p.TLS)
}

// client is whom a token is for: one that was got before a change of the rest
// is as good as a new one.
func (o OAuth) client() [6]string {
	return [6]string{o.TokenURL, o.ClientID, o.Scope, o.Audience, o.LogicalCluster, o.IdentityPool}
}
