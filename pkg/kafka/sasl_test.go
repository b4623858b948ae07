package kafka_test

import (
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

const (
	rightPassword = "s3cr3t-of-the-way"
	wrongPassword = "wr0ng-of-the-way"
	audience      = "the-audit-log"
)

// waysIn: every mechanism and client certificates let in whom they should,
// and every way to be refused has its own clear error, in check and while
// running, on a real broker.
func waysIn(t *testing.T, b *kafkatest.Broker, keys *oidc.Server) {
	if testing.Short() {
		t.Skip("it is about what people are told")
	}
	t.Parallel()
	// The broker gets its keys from another provider, which it need not trust.
	idp := oidc.Start(t, audience, map[string]string{"client": rightPassword}, oidc.WithTLS())
	keys.SetSecret("client", rightPassword)
	keys.SetSecret("stray", rightPassword)
	keys.SetAudienceOf("stray", "somebody-else")
	b.SetSCRAM(t, kafka.ScramSHA256, "both", rightPassword)
	b.SetSCRAM(t, kafka.ScramSHA512, "both", rightPassword)
	b.SetSCRAM(t, kafka.ScramSHA256, "only-256", rightPassword)
	topic := kafkatest.Name(t, "ways")
	b.CreateTopic(t, topic, 1)
	produce(t, b, topic, 0, 1, time.Now())
	certFile, keyFile := b.ClientCertificate(t, "forwarder", time.Now().Add(time.Hour))
	strange := kafkatest.Start(t, kafkatest.WithSASLSSL(nil), kafkatest.WithClientCertificates()) // knows PLAIN alone
	strangeCert, strangeKey := strange.ClientCertificate(t, "forwarder", time.Now().Add(time.Hour))
	oldCert, oldKey := b.ClientCertificate(t, "forwarder", time.Now().Add(-time.Hour))
	idpCA := filepath.Join(t.TempDir(), "idp.pem")
	if err := os.WriteFile(idpCA, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: idp.CA()}), 0o600); err != nil {
		t.Fatal(err)
	}

	// base lets a case in by way, each under a group of its own.
	base := func(t *testing.T, way string) kafka.Config {
		t.Helper()
		cfg := settings(b, kafkatest.Name(t, "g"), topic)
		cfg.BootstrapServers, cfg.SecurityProtocol = b.SASLBootstrap(), kafka.SASLSSL
		cfg.TLS.CAFile = b.CAFile()
		cfg.SASL.Mechanism = way
		switch way {
		case kafka.Plain:
			cfg.SASL.Username, cfg.SASL.Password = "plain", creds.NewSecret(rightPassword)
		case kafka.ScramSHA256, kafka.ScramSHA512:
			cfg.SASL.Username, cfg.SASL.Password = "both", creds.NewSecret(rightPassword)
		case kafka.OAuthBearer:
			cfg.SASL.OAuth.TokenURL, cfg.SASL.OAuth.ClientID, cfg.SASL.OAuth.ClientSecret = keys.TokenURL(), "client", creds.NewSecret(rightPassword)
			cfg.SASL.OAuth.Scope, cfg.SASL.OAuth.LogicalCluster, cfg.SASL.OAuth.IdentityPool = "kafka", "lkc-abc12", "pool-xyz"
			cfg.SASL.OAuth.Extensions = []string{"traceId=a b;c"}
		case kafka.SSL:
			cfg.BootstrapServers, cfg.SecurityProtocol = b.MTLSBootstrap(), kafka.SSL
			cfg.TLS.ClientCertFile, cfg.TLS.ClientKeyFile = certFile, keyFile
		}
		return cfg
	}
	const certificates = kafka.SSL
	for _, way := range append(kafka.Mechanisms(), certificates) {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			for protocol, servers := range map[string][]string{kafka.SASLSSL: b.SASLBootstrap(), kafka.SASLPlaintext: b.SASLPlaintextBootstrap()} {
				cfg := base(t, way)
				if way != certificates {
					cfg.SecurityProtocol, cfg.BootstrapServers = protocol, servers
				}
				kafka.Check(t.Context(), cfg, func(step, found string, err error) {
					if err != nil || found == "" {
						t.Errorf("%s: %s: %q, %v", protocol, step, found, err)
					}
					if strings.Contains(found, "eyJ") {
						t.Errorf("%s shows a token: %s", step, found)
					}
				})
			}
			r := join(t, base(t, way), nil)
			r.until("the record", func() bool { return len(r.read[place(topic, 0)]) == 1 })
			r.stop()
			if n := r.metric("auditlog_forwarder_commits_total", "ok"); n < 1 {
				t.Errorf("%v commits, want 1 or more", n)
			}
		})
	}

	failing := func(t *testing.T, answer oidc.Answer) string {
		t.Helper()
		own := oidc.Start(t, audience, map[string]string{"client": rightPassword})
		own.Fail(answer)
		return own.TokenURL()
	}
	for _, tc := range []struct {
		name, way string
		change    func(*testing.T, *kafka.Config)
		says      []string
	}{
		{
			"PLAIN wrong password", kafka.Plain, func(_ *testing.T, c *kafka.Config) { c.SASL.Password = creds.NewSecret(wrongPassword) },
			[]string{`credentials of "plain" are refused`, "kafka.sasl.password_file", "SASL_SSL, PLAIN", "API key"},
		},
		{
			"SCRAM unknown user", kafka.ScramSHA256, func(_ *testing.T, c *kafka.Config) { c.SASL.Username = "nobody" },
			[]string{`credentials of "nobody" are refused`, "kafka.sasl.username", "unknown user", "SCRAM-SHA-256"},
		},
		{
			"SCRAM wrong password", kafka.ScramSHA512, func(_ *testing.T, c *kafka.Config) { c.SASL.Password = creds.NewSecret(wrongPassword) },
			[]string{`credentials of "both" are refused`, "kafka.sasl.password_file", "SASL_SSL, SCRAM-SHA-512"},
		},
		{
			"SCRAM credentials of the other kind", kafka.ScramSHA512, func(_ *testing.T, c *kafka.Config) { c.SASL.Username = "only-256" },
			[]string{`credentials of "only-256" are refused`, "those for SCRAM-SHA-256 (kafka.sasl.mechanism) do not count"},
		},
		{
			"SCRAM password that cannot be", kafka.ScramSHA256, func(_ *testing.T, c *kafka.Config) { c.SASL.Password = creds.NewSecret("bell\a" + wrongPassword) },
			[]string{"characters that SCRAM does not allow", "kafka.sasl.password_file"},
		},
		{"a mechanism that is not offered", kafka.ScramSHA256, func(_ *testing.T, c *kafka.Config) {
			c.BootstrapServers, c.TLS.CAFile = strange.SASLBootstrap(), strange.CAFile()
		}, []string{"does not offer the mechanism SCRAM-SHA-256; it offers PLAIN", "set kafka.sasl.mechanism to one of these"}},
		{"OAUTHBEARER that is not offered", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) {
			c.BootstrapServers, c.SecurityProtocol = strange.SASLPlaintextBootstrap(), kafka.SASLPlaintext
		}, []string{"does not offer the mechanism OAUTHBEARER; it offers PLAIN"}},

		{
			"a token endpoint that is not there", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.TokenURL = "http://127.0.0.1:1/token" },
			[]string{"token endpoint http://127.0.0.1:1/token is not reached", "kafka.sasl.oauth.token_url", "firewalls"},
		},
		{
			"a token endpoint without a name", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.TokenURL = "http://idp.invalid/token" },
			[]string{`the name "idp.invalid" does not resolve`, "kafka.sasl.oauth.token_url"},
		},
		{"a token endpoint that answers HTML", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = failing(t, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "text/html; charset=utf-8")
				_, _ = io.WriteString(w, "<html>Sign in</html>")
				return true
			})
		}, []string{"a page for people (HTTP 200, text/html", "kafka.sasl.oauth.token_url", ".well-known/openid-configuration"}},
		{"a token endpoint that redirects", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = failing(t, func(w http.ResponseWriter, r *http.Request) bool {
				http.Redirect(w, r, "https://login.example.com/", http.StatusTemporaryRedirect)
				return true
			})
		}, []string{"redirects to https://login.example.com/", "kafka.sasl.oauth.token_url"}},
		{"a token endpoint that answers something else", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = failing(t, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				_, _ = io.WriteString(w, `{"issuer":"https://idp"}`)
				return true
			})
		}, []string{"answers HTTP 200 without a token", "kafka.sasl.oauth.token_url"}},
		{"a token endpoint that is down", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = failing(t, func(w http.ResponseWriter, _ *http.Request) bool {
				http.Error(w, "out of order", http.StatusServiceUnavailable)
				return true
			})
		}, []string{"gives no token: HTTP 503", "it is asked again"}},
		{
			"a wrong client secret", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.ClientSecret = creds.NewSecret(wrongPassword) },
			[]string{`refuses the client "client" or its secret: HTTP 401 invalid_client`, "kafka.sasl.oauth.client_id", "kafka.sasl.oauth.client_secret_file"},
		},
		{"a scope that is not allowed", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = failing(t, func(w http.ResponseWriter, _ *http.Request) bool {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusBadRequest)
				_, _ = io.WriteString(w, `{"error":"invalid_scope","error_description":"no such\nscope"}`)
				return true
			})
		}, []string{"HTTP 400 invalid_scope: no such scope", "check kafka.sasl.oauth.scope"}},
		{"a token without an end", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			own := oidc.Start(t, audience, map[string]string{"client": rightPassword})
			own.HideExpiry()
			own.SetClaims(map[string]any{"exp": nil})
			c.SASL.OAuth.TokenURL = own.TokenURL()
		}, []string{"a token without an end", "set a lifetime"}},
		{"a token that has ended", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			own := oidc.Start(t, audience, map[string]string{"client": rightPassword})
			own.HideExpiry()
			own.SetLife(-time.Minute)
			c.SASL.OAuth.TokenURL = own.TokenURL()
		}, []string{"has expired already", "clocks"}},
		{"a token of another issuer", kafka.OAuthBearer, func(t *testing.T, c *kafka.Config) {
			own := oidc.Start(t, audience, map[string]string{"client": rightPassword})
			c.SASL.OAuth.TokenURL = own.TokenURL()
		}, []string{`the broker refuses the token of the client "client" (issuer http://127.0.0.1`, "trusts this issuer"}},
		{
			"a token for another audience", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.ClientID = "stray" },
			[]string{`the broker refuses the token of the client "stray"`, `audience "somebody-else"`, "kafka.sasl.oauth.audience"},
		},
		{
			"a token endpoint of an unknown CA", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.TokenURL = idp.TokenURL() },
			[]string{"the token endpoint " + idp.TokenURL(), "comes from a CA that this machine does not know", "kafka.sasl.oauth.tls.ca_file"},
		},
		{"a token endpoint with a CA file, of another issuer", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL, c.SASL.OAuth.TLS.CAFile = idp.TokenURL(), idpCA // the request itself goes well
		}, []string{`refuses the token of the client "client" (issuer https://127.0.0.1`}},
		{
			"a token endpoint with a CA file that is not there", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) { c.SASL.OAuth.TLS.CAFile = "no/such.pem" },
			[]string{"kafka.sasl.oauth.tls.ca_file no/such.pem", "check the path"},
		},
		{"TLS to a plain token endpoint", kafka.OAuthBearer, func(_ *testing.T, c *kafka.Config) {
			c.SASL.OAuth.TokenURL = strings.Replace(keys.TokenURL(), "http:", "https:", 1)
		}, []string{"does not speak TLS", "kafka.sasl.oauth.token_url"}},

		{
			"no client certificate", certificates, func(_ *testing.T, c *kafka.Config) { c.TLS.ClientCertFile, c.TLS.ClientKeyFile = "", "" },
			[]string{"the broker asks for a client certificate", "kafka.tls.client_cert_file"},
		},
		{"a client certificate of an unknown CA", certificates, func(_ *testing.T, c *kafka.Config) {
			c.TLS.ClientCertFile, c.TLS.ClientKeyFile = strangeCert, strangeKey
		}, []string{"the broker refused the client certificate", "kafka.tls.client_cert_file"}},
		{"a client certificate that has expired", certificates, func(_ *testing.T, c *kafka.Config) {
			c.TLS.ClientCertFile, c.TLS.ClientKeyFile = oldCert, oldKey
		}, []string{"kafka.tls", "client_cert_file " + oldCert, "the certificate expired on"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := base(t, tc.way)
			tc.change(t, &cfg)
			explains := func(text string) bool {
				if strings.Contains(text, rightPassword) || strings.Contains(text, wrongPassword) || strings.Contains(text, "eyJ") {
					t.Errorf("a secret is in %q", text)
				}
				for _, s := range tc.says {
					if !strings.Contains(text, s) {
						return false
					}
				}
				return true
			}
			var failures []string
			kafka.Check(t.Context(), cfg, func(_, _ string, err error) {
				if err != nil {
					failures = append(failures, err.Error())
				}
			})
			if !explains(strings.Join(failures, "\n")) {
				t.Errorf("check says %q, want %q", failures, tc.says)
			}
			if cfg.TLS.ClientCertFile == oldCert { // the process does not start with it
				var refused *kafka.Error
				if err := kafka.EnsureTopic(t.Context(), cfg, topic, 1, -1, 0); err == nil || errors.As(err, &refused) || !explains(err.Error()) {
					t.Errorf("started: %v", err)
				}
				return
			}
			r := join(t, cfg, nil)
			r.until("the reason "+strings.Join(tc.says, " … "), func() bool { return explains(strings.Join(r.states, "\n")) })
			r.stop()
		})
	}
}
