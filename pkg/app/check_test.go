package app_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/audit"
	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/hec/hectest"
)

// nowhere is a configuration whose broker and Splunk do not answer.
func nowhere(t *testing.T) config.Config {
	t.Helper()
	cfg := config.Defaults()
	cfg.Kafka.BootstrapServers, cfg.Kafka.SecurityProtocol = []string{faultnet.ClosedPort(t)}, "PLAINTEXT"
	cfg.HEC.URLs, cfg.HEC.Token = []string{"http://" + faultnet.ClosedPort(t)}, creds.NewSecret(hectest.DefaultToken)
	cfg.DeadLetter.Dir = t.TempDir()
	return cfg
}

// check runs Check and holds what is true of every result.
func check(t *testing.T, cfg config.Config) map[string]app.Step {
	t.Helper()
	steps := map[string]app.Step{}
	for _, s := range app.Check(t.Context(), cfg, "test") {
		if s.Found == "" || s.OK != (s.Status != app.StatusFailed) || !s.OK && s.Fix == "" {
			t.Errorf("incomplete: %+v", s)
		}
		if old, again := steps[s.Name]; !again || old.OK {
			steps[s.Name] = s
		}
	}
	if len(steps) < 9 {
		t.Errorf("%d steps, want a row for each that could not be tried: %v", len(steps), steps)
	}
	return steps
}

// TestCheckFailures: whatever fails has a fix, and what rests on it is skipped.
func TestCheckFailures(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		change func(*testing.T, *config.Config)
		failed map[string]string // step and a part of what it says
	}{
		{"nothing answers", func(*testing.T, *config.Config) {}, map[string]string{
			"kafka broker": "check kafka.bootstrap_servers", "splunk health": "check hec.url",
		}},
		{"no CA files", func(_ *testing.T, c *config.Config) {
			c.Kafka.SecurityProtocol, c.Kafka.TLS.CAFile = "SSL", "no-such.pem"
			c.HEC.URLs, c.HEC.TLS.CAFile = []string{strings.Replace(c.HEC.URLs[0], "http:", "https:", 1)}, "no-such.pem"
		}, map[string]string{"kafka certificate": "kafka.tls", "splunk certificate": "hec.tls.ca_file"}},
		{"TLS to a plain port of another kind", func(t *testing.T, c *config.Config) {
			hec := hectest.Start(t)
			c.Kafka.SecurityProtocol, c.Kafka.BootstrapServers = "SSL", []string{strings.TrimPrefix(hec.URL(), "http://")}
			c.HEC.URLs = []string{strings.Replace(hec.URL(), "http:", "https:", 1)}
		}, map[string]string{
			"kafka certificate": "kafka.security_protocol", "kafka broker": "kafka.security_protocol", "splunk health": "http://",
		}},
		{"a file where the folder should be", func(t *testing.T, c *config.Config) {
			c.DeadLetter.Dir = filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(c.DeadLetter.Dir, nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}, map[string]string{"dead-letter folder": "dead_letter.dir", "kafka broker": "", "splunk health": ""}},
		{
			"no folder can be made there", func(_ *testing.T, c *config.Config) { c.DeadLetter.Dir = "/proc/no/such" },
			map[string]string{"dead-letter folder": "dead_letter.dir", "kafka broker": "", "splunk health": ""},
		},
		{"Splunk is busy", func(t *testing.T, c *config.Config) {
			hec := hectest.Start(t, hectest.WithDiscard())
			hec.SetDown(true)
			c.HEC.URLs = []string{hec.URL()}
		}, map[string]string{"kafka broker": "", "splunk health": "wait"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cfg := nowhere(t)
			tc.change(t, &cfg)
			steps := check(t, cfg)
			for name, s := range steps {
				fix, expected := tc.failed[name]
				if s.OK == expected || expected && s.Fix == "" || !strings.Contains(s.Found+"; "+s.Fix, fix) {
					t.Errorf("%+v, expected to fail: %t and to say %q", s, expected, fix)
				}
			}
			for _, name := range []string{"kafka topic", "kafka group", "kafka read", "splunk token"} {
				if s := steps[name]; s.Status != app.StatusSkipped || !strings.HasSuffix(s.Found, " failed") {
					t.Errorf("%+v, want skipped and why", s)
				}
			}
		})
	}
}

// TestCheckLeavesNothing: a folder that does not exist is not made, and one
// that exists is left as it was.
func TestCheckLeavesNothing(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	cfg := nowhere(t)
	cfg.DeadLetter.Dir = filepath.Join(root, "a", "b")
	if s := check(t, cfg)["dead-letter folder"]; !s.OK || s.Found != cfg.DeadLetter.Dir+": will be created" {
		t.Errorf("got %+v", s)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("check has left %v (%v)", left, err)
	}
	cfg.DeadLetter.Dir = root
	if s := check(t, cfg)["dead-letter folder"]; !s.OK || s.Found != root+": can be written" {
		t.Errorf("got %+v", s)
	}
	if left, err := os.ReadDir(root); err != nil || len(left) > 0 {
		t.Errorf("check has left %v (%v)", left, err)
	}
}

// TestCheckDeadLetters: how many wait, how full it is, and who has it.
func TestCheckDeadLetters(t *testing.T) {
	t.Parallel()
	cfg := nowhere(t)
	dir := cfg.DeadLetter.Dir
	if s := check(t, cfg)["dead letters"]; s.Status != app.StatusOK || s.Found != "0 waiting, 0 B of 1.0 GiB" {
		t.Errorf("an empty store: %+v", s)
	}
	store, err := deadletter.Open(cfg.DeadLetter, zap.NewNop())
	if err == nil {
		err = store.Put([]deadletter.Entry{{Record: audit.Record{Topic: "t", Value: []byte(strings.Repeat("x", 2<<20))}, Reason: deadletter.NotJSON}})
	}
	if err != nil {
		t.Fatal(err)
	}
	if s := check(t, cfg)["dead-letter folder"]; s.Found != dir+": in use by a running forwarder" {
		t.Errorf("in use: %+v", s)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	steps := check(t, cfg)
	if s := steps["dead-letter folder"]; s.Found != dir+": can be written" {
		t.Errorf("not in use any more: %+v", s)
	}
	if s := steps["dead letters"]; s.Status != app.StatusOK || s.Found != "1 waiting, 2.0 MiB of 1.0 GiB" {
		t.Errorf("one waits: %+v", s)
	}
	cfg.DeadLetter.MaxBytes = 2 << 20
	if s := check(t, cfg)["dead letters"]; s.Status != app.StatusWarning || !strings.Contains(s.Fix, "dead_letter.max_bytes") {
		t.Errorf("almost full: %+v", s)
	}
	cfg.DeadLetter.MaxBytes = 1 << 30
	file := filepath.Join(dir, "dead-letter.jsonl")
	if err := appendTo(file, "no json\n"); err != nil {
		t.Fatal(err)
	}
	if s := check(t, cfg)["dead letters"]; s.Status != app.StatusWarning || !strings.Contains(s.Found, "dead-letter.jsonl line 2") {
		t.Errorf("a damaged line: %+v", s)
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// TestCheckCertificates: one that ends soon is a warning, one that has ended a
// failure, also where certificates are not checked.
func TestCheckCertificates(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name   string
		left   time.Duration
		skip   bool
		kafka  app.Status
		splunk app.Status
	}{
		{"long", 30 * 24 * time.Hour, false, app.StatusOK, app.StatusOK},
		{"soon", 20*24*time.Hour + time.Hour, false, app.StatusWarning, app.StatusWarning},
		// The handshake fails, and with it Splunk's health.
		{"ended", -time.Hour, false, app.StatusFailed, app.StatusSkipped},
		{"ended and not checked", -48 * time.Hour, true, app.StatusFailed, app.StatusFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			cert, ca := selfSigned(t, time.Now().Add(tc.left))
			if tc.left < 0 {
				_, ca = selfSigned(t, time.Now().Add(time.Hour)) // a file of ended ones is refused by itself
			}
			hec := hectest.Start(t, hectest.WithTLS(cert))
			cfg := nowhere(t)
			cfg.HEC.URLs, cfg.HEC.TLS = []string{hec.URL()}, creds.TLS{CAFile: ca, InsecureSkipVerify: tc.skip}
			cfg.Kafka.SecurityProtocol, cfg.Kafka.TLS = "SSL", cfg.HEC.TLS
			address := showsCertificate(t, cert)
			cfg.Kafka.BootstrapServers = []string{address, address}
			steps := app.Check(t.Context(), cfg, "test")
			seen := 0
			for _, s := range steps {
				switch s.Name {
				case "kafka certificate":
					seen++
					if s.Status != tc.kafka || s.Status != app.StatusOK && s.Fix == "" {
						t.Errorf("%+v, want %s", s, tc.kafka)
					}
				case "splunk certificate":
					if s.Status != tc.splunk || s.Status != app.StatusSkipped && !strings.Contains(s.Found, ": 127.0.0.1, ") {
						t.Errorf("%+v, want %s with the names", s, tc.splunk)
					}
				}
			}
			if seen != 2 {
				t.Errorf("%d certificates of 2 brokers", seen)
			}
			if i := slices.IndexFunc(steps, func(s app.Step) bool { return s.Name == "splunk token" }); tc.left > 0 && steps[i].Status != app.StatusOK {
				t.Errorf("a warning has stopped the rest: %+v", steps)
			}
		})
	}
}

// showsCertificate returns an address where a certificate is shown, and nothing
// else: it is no broker, and ends the connection.
func showsCertificate(t *testing.T, cert tls.Certificate) string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			shown := tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{cert}})
			_ = shown.HandshakeContext(context.WithoutCancel(t.Context())) // the client tells what it makes of it
			_ = shown.Close()                                              // nothing was written
		}
	}()
	t.Cleanup(func() {
		_ = l.Close() // ends the goroutine
		<-ended
	})
	return l.Addr().String()
}

// selfSigned makes a certificate for 127.0.0.1 and a PEM file with it.
func selfSigned(t *testing.T, end time.Time) (cert tls.Certificate, caFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "stand-in"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: end.Add(-1000 * time.Hour), NotAfter: end, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(caFile, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, caFile
}

// TestCheckSeveralAddresses: every address has all its rows, in the order in
// which they are given, and each row says whose it is.
func TestCheckSeveralAddresses(t *testing.T) {
	t.Parallel()
	cert, ca := selfSigned(t, time.Now().Add(30*24*time.Hour))
	up, secure, busy := hectest.Start(t), hectest.Start(t, hectest.WithTLS(cert)), hectest.Start(t)
	busy.SetDown(true)
	down := "http://" + faultnet.ClosedPort(t)
	cfg := nowhere(t)
	cfg.HEC.URLs, cfg.HEC.TLS.CAFile = []string{down, secure.URL(), busy.URL(), up.URL() + "/services/collector/event"}, ca
	host := func(address string) string {
		return strings.TrimPrefix(strings.TrimPrefix(address, "https://"), "http://")
	}
	want := []string{
		"splunk health failed " + host(down), "splunk token skipped " + host(down),
		"splunk certificate ok " + host(secure.URL()), "splunk health ok " + host(secure.URL()), "splunk token ok " + host(secure.URL()),
		"splunk health failed " + host(busy.URL()), "splunk token skipped " + host(busy.URL()),
		"splunk health ok " + host(up.URL()), "splunk token ok " + host(up.URL()),
	}
	var got []string
	for _, s := range app.Check(t.Context(), cfg, "test") {
		if !strings.HasPrefix(s.Name, "splunk") {
			continue
		}
		address := "none"
		for _, u := range []string{down, secure.URL(), busy.URL(), up.URL()} {
			if strings.Contains(s.Found, host(u)) {
				address = host(u)
			}
		}
		got = append(got, s.Name+" "+string(s.Status)+" "+address)
		if !s.OK && s.Fix == "" {
			t.Errorf("%+v, want what to do", s)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}

	// A file that cannot be read is one mistake, not one for each address.
	cfg.HEC.TLS.CAFile = "no-such.pem"
	failed := 0
	for _, s := range app.Check(t.Context(), cfg, "test") {
		if strings.HasPrefix(s.Name, "splunk") && !s.OK {
			failed++
		}
	}
	if failed != 1 {
		t.Errorf("%d rows failed for one missing file, want 1", failed)
	}
}
