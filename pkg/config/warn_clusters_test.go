package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// TestWarningsOfEveryCluster: what puts the credentials of one cluster at risk
// is told of each.
func TestWarningsOfEveryCluster(t *testing.T) {
	t.Parallel()
	const common = "hec: {url: 'https://splunk:8088', token: x}\nkafka: {bootstrap_servers: [k:9092], sasl: {username: u, password: p}}\n"
	for _, section := range []string{"dead_letter_topic", "mirror"} {
		for _, tc := range []struct{ settings, want string }{
			{"security_protocol: SASL_PLAINTEXT, sasl: {username: u, password: p}", ".security_protocol (c.yaml:3): the password and the events cross the network unencrypted"},
			{"sasl: {username: u, password: p}, tls: {insecure_skip_verify: true}", ".tls.insecure_skip_verify (c.yaml:3): the brokers' certificates are not checked"},
			{"sasl: {mechanism: OAUTHBEARER, oauth: {token_url: 'http://idp/token', client_id: c, client_secret: s}}", ".sasl.oauth.token_url (c.yaml:3): the client secret and the tokens cross the network unencrypted"},
		} {
			text := fmt.Sprintf("%s%s: {name: copy, bootstrap_servers: [b:9092], %s}\n", common, section, tc.settings)
			loaded, err := LoadBytes(Source{}, "c.yaml", []byte(text))
			if err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if !slices.ContainsFunc(loaded.Warnings, func(w string) bool { return strings.HasPrefix(w, section+tc.want) }) {
				t.Errorf("%s%s is not among %q", section, tc.want, loaded.Warnings)
			}
		}
	}
}
