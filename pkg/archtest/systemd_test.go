package archtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/testdata/skip"
)

const (
	unit = "config/auditlog-forwarder.service"
	// maxExposure is ten times the greatest exposure that `systemd-analyze
	// security` may find; 15 stands for 1.5 of 10.
	maxExposure = "15"
)

// settings returns the values that the unit gives name, in order.
func settings(t *testing.T, name string) []string {
	t.Helper()
	var values []string
	for line := range strings.Lines(readFile(t, unit)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), name+"="); ok {
			values = append(values, v)
		}
	}
	return values
}

// TestUnitVerifies lets systemd judge the unit. ExecStart must exist for
// that, so a copy points at this test's own binary.
func TestUnitVerifies(t *testing.T) {
	t.Parallel()
	tool, err := exec.LookPath("systemd-analyze")
	if err != nil {
		skip.Missing(t, "systemd-analyze", "install systemd to have "+unit+" verified")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text := readFile(t, unit)
	runnable := strings.Replace(text, "ExecStart=/usr/local/bin/auditlog-forwarder ", "ExecStart="+self+" ", 1)
	if runnable == text {
		t.Fatalf("%s: ExecStart is not /usr/local/bin/auditlog-forwarder", unit)
	}
	path := filepath.Join(t.TempDir(), filepath.Base(unit))
	if err := os.WriteFile(path, []byte(runnable), 0o644); err != nil {
		t.Fatal(err)
	}

	// verify reports unknown settings on stderr and still exits 0.
	out, err := exec.CommandContext(t.Context(), tool, "verify", path).CombinedOutput()
	if err != nil || len(out) > 0 {
		t.Errorf("systemd-analyze verify: %v\n%s", err, out)
	}
	out, err = exec.CommandContext(t.Context(), tool, "security", "--no-pager", "--offline=true", "--threshold="+maxExposure, path).CombinedOutput()
	if err != nil {
		t.Errorf("systemd-analyze security: %v; the unit is more exposed than allowed\n%s", err, out)
	}
}

// TestUnitCredentials hands the forwarder the credentials under the unit's
// names and looks whether it finds them.
func TestUnitCredentials(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range settings(t, "LoadCredential") {
		name, path, _ := strings.Cut(c, ":")
		if want := "/etc/auditlog-forwarder/" + name; path != want {
			t.Errorf("credential %s comes from %s, want %s", name, path, want)
		}
		if err := os.WriteFile(filepath.Join(dir, name), []byte("value of "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg, err := config.Load(config.Source{CredentialsDir: dir, Env: append(
		settings(t, "Environment"),
		"AUDITLOG_FORWARDER_KAFKA_BOOTSTRAP_SERVERS=broker.example.com:9092",
		"AUDITLOG_FORWARDER_HEC_URL=https://splunk.example.com:8088",
	)})
	if err != nil {
		t.Fatalf("the forwarder refuses what the unit gives it: %v", err)
	}
	for key, got := range map[string]string{
		"hec_token":           cfg.HEC.Token.Reveal(),
		"kafka_sasl_username": cfg.Kafka.SASL.Username,
		"kafka_sasl_password": cfg.Kafka.SASL.Password.Reveal(),
	} {
		if want := "value of " + key; got != want {
			t.Errorf("credential %s did not arrive", key)
		}
	}
	if state := settings(t, "StateDirectory"); len(state) != 1 || !strings.HasPrefix(cfg.DeadLetter.Dir, "%S/"+state[0]+"/") {
		t.Errorf("dead letters go to %s, outside of the state directory %v, which is all that the unit may write", cfg.DeadLetter.Dir, state)
	}
}

func TestUnitLifecycle(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Type":                     "notify",
		"NotifyAccess":             "main",
		"DynamicUser":              "yes",
		"Restart":                  "on-failure",
		"RestartPreventExitStatus": "2 3",
	} {
		if got := settings(t, name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s=%v, want %s", name, got, want)
		}
	}
	stop := settings(t, "TimeoutStopSec")
	if len(stop) != 1 {
		t.Fatalf("TimeoutStopSec=%v, want one value", stop)
	}
	limit, err := time.ParseDuration(stop[0])
	if err != nil {
		t.Fatal(err)
	}
	if drain := config.Defaults().Batch.Drain; limit <= drain {
		t.Errorf("systemd kills after %s, before the drain of %s is over", limit, drain)
	}
}
