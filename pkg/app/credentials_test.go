package app

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

// TestRotatedSASL: every secret is taken over, and nothing else.
func TestRotatedSASL(t *testing.T) {
	t.Parallel()
	inUse := kafka.DefaultSASL()
	inUse.Mechanism, inUse.OAuth.TokenURL, inUse.OAuth.Scope, inUse.OAuth.TLS.CAFile = kafka.OAuthBearer, "https://old", "old", "old.pem"
	now := kafka.SASL{Mechanism: kafka.Plain, Username: "1", Password: creds.NewSecret("2")}
	now.OAuth.TokenURL, now.OAuth.ClientID, now.OAuth.ClientSecret = "https://new", "3", creds.NewSecret("4")
	now.OAuth.TLS.TruststorePassword, now.OAuth.TLS.ClientKeyPassword, now.OAuth.TLS.KeystorePassword = creds.NewSecret("5"), creds.NewSecret("6"), creds.NewSecret("7")
	next := rotated(inUse, now)
	var got []string
	for _, s := range saslValues(next) {
		got = append(got, s.Reveal())
	}
	if diff := cmp.Diff([]string{"1", "2", "3", "4", "5", "6", "7"}, got); diff != "" || len(got) != len(saslSecrets()) {
		t.Errorf("(-want +got):\n%s", diff)
	}
	next = rotated(next, kafka.SASL{})
	next.Username, next.Password = inUse.Username, inUse.Password
	if diff := cmp.Diff(inUse, next); diff != "" {
		t.Errorf("the rest has changed (-was +is):\n%s", diff)
	}
}

// TestClientSecretIsRotated: its file is looked at as any other; together with
// another mechanism it needs a restart.
func TestClientSecretIsRotated(t *testing.T) {
	t.Parallel()
	open(t, func(v *vault) {
		edit := func(old, replacement string) {
			t.Helper()
			text, err := os.ReadFile(v.path("config.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			v.write("config.yaml", strings.Replace(string(text), old, replacement, 1))
			v.r.ask()
			v.pass(time.Second)
		}
		v.write("client-secret", "s3cret-c1\n")
		edit("password_file: DIR/password}", "") // nothing: DIR is written out
		v.says("as it was", "info credentials re-read as asked; none has changed")
		edit("/password}", "/password, oauth: {client_secret_file: "+v.path("client-secret")+"}}")
		v.want("a client secret", "sasl PLAIN user-1 s3cret-1")
		v.says("a client secret", "info kafka.sasl re-read from file DIR/client-secret, named by DIR/config.yaml:4")
		v.write("client-secret", "s3cret-c2\n")
		v.pass(3 * lookEvery)
		v.want("another one", "sasl PLAIN user-1 s3cret-1")
		v.says("another one", "info kafka.sasl re-read from file DIR/client-secret")
		v.write("password", "s3cret-2\n")
		edit("sasl: {username_file", "sasl: {mechanism: SCRAM-SHA-512, username_file")
		v.want("with another mechanism")
		v.says("with another mechanism", "warn credentials cannot be re-read…kafka.sasl.mechanism, which needs a restart", "warn …kafka.sasl.mechanism")
	})
}
