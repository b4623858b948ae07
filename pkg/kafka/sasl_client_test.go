package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
)

// TestScramServerMustProve: a server that asks for few iterations, or does not
// know the password, gets no further.
func TestScramServerMustProve(t *testing.T) {
	t.Parallel()
	for name, iterations := range map[string]int{"few iterations": 100, "no proof": minIterations} {
		c := &scramClient{hash: scramHash(ScramSHA256)}
		if err := c.Begin("user", "s3cret", ""); err != nil {
			t.Fatal(err)
		}
		first, err := c.Step("")
		if err != nil {
			t.Fatal(err)
		}
		_, nonce, _ := strings.Cut(first, "r=")
		_, err = c.Step(fmt.Sprintf("r=%sx,s=c2FsdHNhbHQ=,i=%d", nonce, iterations))
		if iterations == minIterations {
			if err != nil {
				t.Fatal(err)
			}
			_, err = c.Step("v=bm90aGluZw==")
		}
		if !errors.Is(err, errScram) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		cfg := DefaultConfig()
		cfg.SASL.Mechanism, cfg.SASL.Username = ScramSHA256, "user"
		if text := cfg.explain(err).Error(); !strings.Contains(text, `does not prove that it knows the password of "user"`) || strings.Contains(text, "s3cret") {
			t.Errorf("%s: %s", name, text)
		}
	}
}

func TestValidateSASL(t *testing.T) {
	t.Parallel()
	oauth := func(change func(*OAuth)) SASL {
		s := DefaultSASL()
		s.Mechanism = OAuthBearer
		s.OAuth.TokenURL, s.OAuth.ClientID, s.OAuth.ClientSecret = "https://idp.example.com/token?tenant=1", "id", creds.NewSecret("s3cret")
		change(&s.OAuth)
		return s
	}
	for _, tc := range []struct {
		sasl SASL
		want []string // the beginning of each mistake
	}{
		{SASL{Mechanism: Plain, Username: "u", Password: creds.NewSecret("p")}, nil},
		{SASL{Mechanism: ScramSHA256, Username: "u", Password: creds.NewSecret("p")}, nil},
		{SASL{Mechanism: "GSSAPI"}, []string{`mechanism: "GSSAPI" is not supported; allowed are PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER`}},
		{SASL{Mechanism: ScramSHA512}, []string{"username: missing; give the name of the user", "password: missing; set kafka.sasl.password_file"}},
		{oauth(func(*OAuth) {}), nil},
		{oauth(func(o *OAuth) { o.Extensions = []string{"traceId=a b=c"} }), nil},
		{oauth(func(o *OAuth) { *o = OAuth{TLS: creds.DefaultTLS()} }), []string{"oauth.token_url: missing", "oauth.client_id: missing", "oauth.client_secret: missing"}},
		{oauth(func(o *OAuth) { o.TokenURL = "idp.example.com" }), []string{`oauth.token_url: "idp.example.com" is no address`}},
		{oauth(func(o *OAuth) { o.TokenURL = "https://u:s3cret@idp" }), []string{"oauth.token_url: it holds a user or a password"}},
		{oauth(func(o *OAuth) { o.TokenURL = "https://u:s3cret@idp\x7f" }), []string{"oauth.token_url: it is no address"}},
		{oauth(func(o *OAuth) { o.TokenURL = "https://idp/#token" }), []string{"oauth.token_url: "}},
		{oauth(func(o *OAuth) { o.LogicalCluster = "lkc\x01auth=x" }), []string{"oauth.logical_cluster: "}},
		{oauth(func(o *OAuth) { o.IdentityPool = "pöol" }), []string{"oauth.identity_pool: "}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"traceId"} }), []string{`oauth.extensions: "traceId" is not name=value`}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"auth=x"} }), []string{"oauth.extensions: the name auth"}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"trace_id=x"} }), []string{"oauth.extensions: the name"}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"a=\x01"} }), []string{"oauth.extensions: the value of a"}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"a=1", "a=2"} }), []string{"oauth.extensions: a is given twice"}},
		{oauth(func(o *OAuth) { o.Extensions = []string{"logicalCluster=lkc-1"} }), []string{"oauth.extensions: logicalCluster has a key of its own"}},
		{oauth(func(o *OAuth) { o.TLS.MinVersion = "1.0" }), []string{"oauth.tls.min_version: "}},
	} {
		var got []string
		for i, err := range tc.sasl.Validate() {
			text := err.Error()
			if strings.Contains(text, "s3cret") {
				t.Errorf("a secret is in %q", text)
			}
			if i < len(tc.want) && strings.HasPrefix(text, tc.want[i]) {
				text = tc.want[i]
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%v (-want +got):\n%s", tc.sasl, diff)
		}
	}
}

// TestHints: what Confluent Cloud needs is named where it is missing.
func TestHints(t *testing.T) {
	t.Parallel()
	cfg := DefaultConfig()
	cfg.BootstrapServers, cfg.SASL.Mechanism = []string{"pkc-1.aws.confluent.cloud:9092"}, OAuthBearer
	refused := &refusedToken{says: "issuer i", err: sarama.ErrSASLAuthenticationFailed}
	text := cfg.explain(refused).Error()
	for _, part := range []string{"set kafka.sasl.oauth.logical_cluster (lkc-…) and kafka.sasl.oauth.identity_pool (pool-…)", "(issuer i)"} {
		if !strings.Contains(text, part) {
			t.Errorf("%s has no %q", text, part)
		}
	}
	cfg.SASL.OAuth.LogicalCluster, cfg.SASL.OAuth.IdentityPool = "lkc-1", "pool-1"
	if text := cfg.explain(refused).Error(); !strings.Contains(text, "that lkc-1 is this cluster's id, and that the filter of the pool pool-1 lets the token in") {
		t.Error(text)
	}
	cfg.BootstrapServers = []string{"kafka.example.com:9092"}
	if text := cfg.explain(refused).Error(); strings.Contains(text, "Confluent") {
		t.Error(text)
	}
	if got := inSection("dead_letter_topic", "kafka at kafka.example.com: check kafka.sasl.oauth.scope"); got != "kafka at kafka.example.com: check dead_letter_topic.sasl.oauth.scope" {
		t.Error(got)
	}
}
