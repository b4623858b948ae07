package kafka_test

import (
	"testing"

	"auditlog-forwarder/pkg/kafka/kafkatest"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// readerPassword is that of the one who may read, where there are ACLs.
const readerPassword = "s3cr3t-of-the-reader"

// TestSecured uses one broker, which knows every way in, for all tests that
// need one of them and no ACLs. Each has users and clients of its own.
func TestSecured(t *testing.T) {
	t.Parallel()
	idp := oidc.Start(t, audience, nil)
	users := map[string]string{"old": "secret-1", "new": "secret-2", "plain": rightPassword}
	b := kafkatest.Start(t, kafkatest.WithSASLSSL(users), kafkatest.WithSCRAM(), kafkatest.WithClientCertificates(),
		kafkatest.WithOAuth(kafkatest.OAuth{JWKSURL: idp.JWKSURL(), Issuer: idp.Issuer, Audience: audience}))
	t.Run("Rotation", func(t *testing.T) { rotations(t, b) })
	t.Run("RotationOfEveryWay", func(t *testing.T) { rotationOfEveryWay(t, b, idp) })
	t.Run("WaysIn", func(t *testing.T) { waysIn(t, b, idp) })
	t.Run("ExtensionsOnTheWire", func(t *testing.T) { extensionsOnTheWire(t, b, idp) })
}

// TestRights does the same for tests of what ACLs refuse.
func TestRights(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about what people are told")
	}
	t.Parallel()
	idp := oidc.Start(t, audience, nil)
	users := map[string]string{"reader": readerPassword, "stranger": "other", "looker": "third"}
	b := kafkatest.Start(t, kafkatest.WithSASLSSL(users), kafkatest.WithSCRAM(), kafkatest.WithACLs(), kafkatest.WithClientCertificates(),
		kafkatest.WithOAuth(kafkatest.OAuth{JWKSURL: idp.JWKSURL(), Issuer: idp.Issuer, Audience: audience}))
	t.Run("Refusals", func(t *testing.T) { refusals(t, b) })
	t.Run("WriterWaysIn", func(t *testing.T) { writerWaysIn(t, b, idp) })
	t.Run("CopyWaysIn", func(t *testing.T) { copyWaysIn(t, b, idp) })
}
