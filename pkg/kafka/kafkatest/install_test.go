package kafkatest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sync/errgroup"

	"auditlog-forwarder/testdata/skip"
)

// TestInstallAtOnce lets several installers meet on a cache that is stale and
// holds a broken download, as the test binaries of a checkout do.
func TestInstallAtOnce(t *testing.T) {
	t.Parallel()
	requireMaven(t)
	inst, err := findInstallation()
	if err != nil {
		t.Fatal(err)
	}
	inst.dir = filepath.Join(t.TempDir(), "cache", "kafka-x")
	stale := filepath.Join(inst.dir, "stale.jar")
	for _, file := range []string{stale, filepath.Join(inst.dir+".part", "broken.jar")} {
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var group errgroup.Group
	for range 4 {
		group.Go(func() error { return inst.install(t.Context()) })
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if !inst.complete() {
		t.Error("not complete after the installation")
	}
	for _, gone := range []string{stale, filepath.Join(inst.dir, "broken.jar"), inst.dir + ".part"} {
		if _, err := os.Stat(gone); !os.IsNotExist(err) {
			t.Errorf("%s is still there (%v)", gone, err)
		}
	}
}

func TestInstallShowsWhatMavenSays(t *testing.T) {
	t.Parallel()
	requireMaven(t)
	dir := t.TempDir()
	inst := installation{pom: filepath.Join(dir, "absent.xml"), dir: filepath.Join(dir, "cache")}
	err := inst.install(t.Context())
	if err == nil || !strings.Contains(err.Error(), "absent.xml") {
		t.Errorf("installation by an absent pom: got error %v, want Maven's own words about absent.xml", err)
	}
	if _, err := os.Stat(inst.dir); !os.IsNotExist(err) {
		t.Errorf("%s exists after a failed installation (%v)", inst.dir, err)
	}
}

func requireMaven(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("mvn"); err != nil {
		skip.Missing(t, "mvn", "install Maven to test how the Kafka broker is fetched")
	}
}
