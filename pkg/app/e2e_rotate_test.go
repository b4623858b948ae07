package app_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/hec/hectest"
)

// TestEndToEndRotate: the real process takes a new token from a file that is
// replaced under it, by itself and on SIGHUP, and goes on.
func TestEndToEndRotate(t *testing.T) {
	t.Parallel()
	splunk := hectest.Start(t, hectest.WithDiscard())
	token := filepath.Join(t.TempDir(), "token")
	replace := func(content string) {
		t.Helper()
		if err := os.WriteFile(token+".new", []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(token+".new", token); err != nil {
			t.Fatal(err)
		}
	}
	replace("old-t0ken")
	p := start(t, "forwarder", settings{
		"kafka.bootstrap_servers": faultnet.ClosedPort(t), "kafka.security_protocol": "PLAINTEXT",
		"hec.url": splunk.URL(), "hec.token_file": token, "dead_letter.dir": t.TempDir(), "log.format": "json",
	})
	p.line("splunk takes no events") // the old token is none
	replace(hectest.DefaultToken)
	p.line("hec.token re-read from file " + token)
	p.line("splunk takes events")
	replace("")
	p.signal(syscall.SIGHUP)
	line := p.line("credentials cannot be re-read")
	if reason, _ := line["reason"].(string); !strings.Contains(reason, token+" is empty") {
		t.Errorf("the reason is %q", reason)
	}
	replace(hectest.DefaultToken)
	p.signal(syscall.SIGHUP)
	p.line("hec.token can be read again, and has not changed")
	p.stop()
}
