package deploy

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// Config says where Splunk's management API is and whose the alerts become.
type Config struct {
	URL      string        `mapstructure:"url"`
	App      string        `mapstructure:"app"`
	Owner    string        `mapstructure:"owner"`
	Sharing  string        `mapstructure:"sharing"`
	ACL      ACL           `mapstructure:"acl"`
	Token    creds.Secret  `mapstructure:"token"`
	Username string        `mapstructure:"username"`
	Password creds.Secret  `mapstructure:"password"`
	Timeout  time.Duration `mapstructure:"timeout"`
	TLS      creds.TLS     `mapstructure:"tls"`
}

// ACL is the roles that may read and write; without any, the app's hold.
type ACL struct {
	Read  []string `mapstructure:"read"`
	Write []string `mapstructure:"write"`
}

// The values of Config.Sharing.
const (
	SharingApp    = "app"    // seen in the app
	SharingGlobal = "global" // seen in all apps
	SharingUser   = "user"   // seen by the owner
)

// nobody owns what belongs to the app.
const nobody = "nobody"

// DefaultConfig returns the defaults; URL and who signs in have none.
func DefaultConfig() Config {
	return Config{
		App:     "confluent_audit_alerts",
		Owner:   nobody,
		Sharing: SharingApp,
		ACL:     ACL{Read: []string{}, Write: []string{}},
		Timeout: 30 * time.Second,
		TLS:     creds.DefaultTLS(),
	}
}

// Sharings returns the values of Config.Sharing.
func Sharings() []string { return []string{SharingApp, SharingGlobal, SharingUser} }

// Validate returns every mistake, each starting with its key. What is missing
// is no mistake where nobody deploys: see Ready.
func (c Config) Validate() []error {
	var errs []error
	refuse := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if c.URL != "" {
		switch u, err := url.Parse(c.URL); {
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
			refuse("url: this is not an address; give https://host:8089, Splunk's management port")
		case u.User != nil || u.RawQuery != "" || u.Fragment != "":
			refuse("url: the address holds a user, a query or a fragment; give only https://host:8089, and who signs in by alerts.splunk.token_file")
		}
	}
	errs = append(errs, c.signsIn()...)
	if !appName(c.App) {
		refuse("app: %q is no id of a Splunk app; give letters, digits, _, - and . only", c.App)
	}
	if c.Owner == "" || strings.ContainsAny(c.Owner, "/\\ ") || c.Owner == "-" {
		refuse("owner: %q is no Splunk user; give nobody for what belongs to the app, or a user's name", c.Owner)
	}
	switch {
	case !slices.Contains(Sharings(), c.Sharing):
		refuse("sharing: %q is unknown; allowed are %s", c.Sharing, strings.Join(Sharings(), ", "))
	case c.Sharing == SharingUser && len(c.ACL.Read)+len(c.ACL.Write) > 0:
		refuse("acl: roles have no effect with sharing user; remove acl.read and acl.write, or use sharing app")
	}
	for _, r := range []struct {
		key   string
		roles []string
	}{{"acl.read", c.ACL.Read}, {"acl.write", c.ACL.Write}} {
		for _, role := range r.roles {
			if strings.TrimSpace(role) == "" || strings.Contains(role, ",") {
				refuse("%s: %q is no role; give the name of a role in Splunk, or * for all", r.key, role)
			}
		}
	}
	if c.Timeout < 100*time.Millisecond {
		refuse("timeout: %s is too short; allowed is 100ms or longer", c.Timeout)
	}
	for _, err := range c.TLS.Validate() {
		refuse("tls.%w", err)
	}
	return errs
}

func (c Config) signsIn() (errs []error) {
	switch {
	case !c.Token.Empty() && (c.Username != "" || !c.Password.Empty()):
		errs = append(errs, errors.New("token: given beside username or password; keep one of the two ways to sign in"))
	case c.Username == "" && !c.Password.Empty():
		errs = append(errs, errors.New("username: missing; name the user that alerts.splunk.password belongs to"))
	}
	return errs
}

// Ready returns what is missing for a deployment, beside what Validate says.
func (c Config) Ready() error {
	const prefix = "alerts.splunk."
	var errs []error
	if c.URL == "" {
		errs = append(errs, errors.New(prefix+"url: missing; give the address of Splunk's management API, https://host:8089"))
	}
	switch {
	case c.Username != "" && c.Password.Empty():
		errs = append(errs, errors.New(prefix+"password: missing; set alerts.splunk.password_file to a file that holds the password of alerts.splunk.username"))
	case c.Token.Empty() && c.Username == "":
		errs = append(errs, errors.New(prefix+"token: missing; set alerts.splunk.token_file to a file that holds an authentication token (Splunk Web, Settings, Tokens), or alerts.splunk.username and password"))
	}
	if c.Sharing == SharingUser && c.Owner == nobody {
		errs = append(errs, errors.New(prefix+"sharing: user needs a user as owner, and alerts.splunk.owner is nobody; name one, or use app"))
	}
	return errors.Join(errs...)
}

// UsesTLS reports whether the address is https.
func (c Config) UsesTLS() bool { return strings.HasPrefix(strings.ToLower(c.URL), "https://") }

// Open reports whether secrets would cross a network unencrypted.
func (c Config) Open() bool {
	u, err := url.Parse(c.URL)
	if err != nil || !strings.EqualFold(u.Scheme, "http") {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func appName(name string) bool {
	for i, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		if !letter && (i == 0 || !strings.ContainsRune("_-.", r)) {
			return false
		}
	}
	return name != ""
}
