package kafka_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/twmb/franz-go/pkg/kadm"

	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// putOne writes a record to a partition of a copy, by a connection of its own,
// and reads it back.
func putOne(ctx context.Context, to *kafka.CopyTarget, partition int32) error {
	p := to.Partition(partition)
	defer p.Close()
	body, _ := kafka.PackRecord(nil, &audit.Record{Timestamp: time.UnixMilli(1_780_000_000_000), Value: []byte("x")})
	base, err := p.Write(ctx, body, 0, []int{len(body)})
	for errors.Is(err, sarama.ErrOffsetsLoadInProgress) { // a new broker has no numbers for writers yet
		base, err = p.Write(ctx, body, 0, []int{len(body)})
	}
	if err != nil {
		return err
	}
	n := 0
	if err := p.Read(ctx, base, base+1, func(int64, []byte) { n++ }); err != nil {
		return err
	}
	if n != 1 {
		return fmt.Errorf("%d records stand there", n)
	}
	return nil
}

// copyWaysIn: a destination is written by every way in, with the least
// rights; each right that is missing is named, and so is a wrong secret.
func copyWaysIn(t *testing.T, b *kafkatest.Broker, idp *oidc.Server) {
	t.Parallel()
	const partitions = 3 // as the source of copying
	idp.SetSecret("copier", "s3cret-1")
	b.SetSCRAM(t, kafka.ScramSHA512, "user", "s3cret-1")
	_, _, source, base := copying(t)
	allow := func(topic string, ops ...kadm.ACLOperation) {
		t.Helper()
		b.Allow(t, kadm.NewACLs().Allow("User:user", "User:copier", "User:CN=mirror").AllowHosts().Topics(topic).Operations(ops...).ResourcePatternType(kadm.ACLPatternLiteral))
	}
	base.SecurityProtocol, base.BootstrapServers, base.TLS.CAFile = kafka.SASLSSL, b.SASLBootstrap(), b.CAFile()
	base.SASL.Username, base.SASL.Password = "user", creds.NewSecret("s3cret-1")
	base.SASL.OAuth.TokenURL, base.SASL.OAuth.ClientID, base.SASL.OAuth.ClientSecret = idp.TokenURL(), "copier", creds.NewSecret("s3cret-1")
	base.SASL.Mechanism, base.Name = kafka.ScramSHA512, kafkatest.Name(t, "copy")

	refused := func(what string, err error, texts ...string) {
		t.Helper()
		for _, text := range texts {
			if err == nil || !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s: the error is %v, want %q in it", what, err, text)
			}
		}
	}
	to := target(t, base)
	_, err := to.Prepare(t.Context(), source)
	refused("no right at all", err, "DESCRIBE", "the audit log's is read-only")
	allow(base.Name, kadm.OpDescribe)
	_, err = to.Prepare(t.Context(), source)
	refused("CREATE is missing", err, "give this principal CREATE on it")
	allow(base.Name, kadm.OpCreate)
	state, err := to.Prepare(t.Context(), source)
	if err != nil || !state.Created {
		t.Fatalf("with DESCRIBE and CREATE: %+v, %v", state, err)
	}
	if state, err = to.Prepare(t.Context(), source); err != nil || !strings.Contains(fmt.Sprint(state.Warnings), "DESCRIBE_CONFIGS") {
		t.Errorf("without DESCRIBE_CONFIGS: %+v, %v", state, err)
	}
	refused("WRITE is missing", putOne(t.Context(), to, 0), "give this principal WRITE")
	allow(base.Name, kadm.OpWrite)
	refused("READ is missing", putOne(t.Context(), to, 0), "give this principal READ on it")
	allow(base.Name, kadm.OpRead)
	_, err = to.Grow(t.Context(), partitions+1)
	refused("ALTER is missing", err, "give this principal ALTER on it")

	oauth, mtls := base, base
	oauth.SASL.Mechanism = kafka.OAuthBearer
	mtls.SecurityProtocol, mtls.BootstrapServers = kafka.SSL, b.MTLSBootstrap()
	mtls.TLS.ClientCertFile, mtls.TLS.ClientKeyFile = b.ClientCertificate(t, "mirror", time.Now().Add(time.Hour))
	for name, cfg := range map[string]kafka.CopyConfig{"SCRAM": base, "OAUTHBEARER": oauth, "mTLS": mtls} {
		to := target(t, cfg)
		if _, err := to.Prepare(t.Context(), source); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for p := range int32(partitions) {
			if err := putOne(t.Context(), to, p); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	if granted := grants(idp, "copier"); granted != 1 {
		t.Errorf("%d tokens for all connections of one mirror, want 1", granted)
	}

	wrong := base
	wrong.SASL.Password = creds.NewSecret("s3cret-2")
	to = target(t, wrong)
	refused("a wrong password", putOne(t.Context(), to, 0), "mirror.sasl.password")
	to.SetCredentials(base.SASL)
	if err := putOne(t.Context(), to, 0); err != nil {
		t.Errorf("after the right password came: %v", err)
	}
	oauth.SASL.OAuth.ClientSecret = creds.NewSecret("s3cret-2")
	refused("a wrong client secret", putOne(t.Context(), target(t, oauth), 0), "mirror.sasl.oauth.client_secret")

	// Certificates that go away, or are replaced by halves, end no copy.
	dir := t.TempDir()
	for file, at := range map[string]*string{"cert": &mtls.TLS.ClientCertFile, "key": &mtls.TLS.ClientKeyFile} {
		text, err := os.ReadFile(*at)
		if err != nil {
			t.Fatal(err)
		}
		*at = filepath.Join(dir, file)
		if err := os.WriteFile(*at, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	to = target(t, mtls)
	if err := putOne(t.Context(), to, 0); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(mtls.TLS.ClientCertFile, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := to.SetTLS(mtls.TLS); err == nil || !strings.Contains(err.Error(), "mirror.tls") {
		t.Errorf("half a certificate: %v", err)
	}
	if err := putOne(t.Context(), to, 0); err != nil {
		t.Errorf("with half a certificate file: %v", err)
	}
}
