package app_test

import (
	"strings"
	"testing"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// TestCheckToken: the token's row stands where it is tried, before the broker's.
func TestCheckToken(t *testing.T) {
	t.Parallel()
	idp := oidc.Start(t, "kafka", map[string]string{"client": "s3cret-1"})
	cfg := config.Defaults()
	cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = []string{faultnet.ClosedPort(t)}, kafka.SASLPlaintext
	cfg.Kafka.SASL.Mechanism, cfg.Kafka.SASL.OAuth.TokenURL, cfg.Kafka.SASL.OAuth.ClientID = kafka.OAuthBearer, idp.TokenURL(), "client"
	cfg.HEC.URLs, cfg.HEC.Token, cfg.DeadLetter.Dir = []string{"http://" + faultnet.ClosedPort(t)}, creds.NewSecret("x"), t.TempDir()
	for secret, want := range map[string]string{
		"s3cret-1": "kafka token ok, kafka broker failed, kafka topic skipped, kafka group skipped, kafka read skipped",
		"wrong":    "kafka token failed, kafka broker skipped, kafka topic skipped, kafka group skipped, kafka read skipped",
	} {
		cfg.Kafka.SASL.OAuth.ClientSecret = creds.NewSecret(secret)
		var got []string
		for _, s := range app.Check(t.Context(), cfg, "test") {
			if strings.HasPrefix(s.Name, "kafka") {
				got = append(got, s.Name+" "+string(s.Status))
			}
			if s.Status == app.StatusFailed && s.Fix == "" {
				t.Errorf("%s: no fix", s.Name)
			}
		}
		if text := strings.Join(got, ", "); text != want {
			t.Errorf("with the secret %q: %s\nwant %s", secret, text, want)
		}
	}
}
