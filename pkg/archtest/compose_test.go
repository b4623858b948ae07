package archtest

import (
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/google/go-cmp/cmp"
	"github.com/sirupsen/logrus"
	logged "github.com/sirupsen/logrus/hooks/test"
	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/config"
)

// loadCompose loads docker-compose.yml as `docker compose` does in a fresh
// clone: with .env, without any variable of this process.
func loadCompose(t *testing.T) *types.Project {
	t.Helper()
	opts, err := cli.NewProjectOptions(
		[]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root),
		cli.WithEnvFiles(filepath.Join(root, ".env")),
		cli.WithDotEnv,
	)
	if err != nil {
		t.Fatalf("read the options for docker-compose.yml: %v", err)
	}
	project, err := opts.LoadProject(t.Context())
	if err != nil {
		t.Fatalf("load docker-compose.yml: %v", err)
	}
	return project
}

// env returns the value of a service's environment variable, or fails.
func env(t *testing.T, s types.ServiceConfig, name string) string {
	t.Helper()
	v, ok := s.Environment[name]
	if !ok || v == nil {
		t.Fatalf("service %s: %s is not set", s.Name, name)
	}
	return *v
}

// TestComposeLoads is not parallel: the loader warns through a global logger.
func TestComposeLoads(t *testing.T) {
	hook := logged.NewLocal(logrus.StandardLogger())
	t.Cleanup(func() { logrus.StandardLogger().ReplaceHooks(logrus.LevelHooks{}) })
	project := loadCompose(t)
	for _, e := range hook.AllEntries() {
		t.Errorf("the loader says: %s", e.Message)
	}
	want := []string{"forwarder", "generator", "kafka", "splunk"}
	if diff := cmp.Diff(want, slices.Sorted(slices.Values(project.ServiceNames()))); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

func TestComposeServices(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	dockerfile := readFile(t, "Dockerfile")
	for name, s := range project.Services {
		switch {
		case (s.Image == "") == (s.Build == nil):
			t.Errorf("%s: want either an image or a build", name)
		case s.Image != "" && (!strings.Contains(s.Image, ":") || strings.HasSuffix(s.Image, ":latest")):
			t.Errorf("%s: image %s names no version", name, s.Image)
		case s.Build != nil && !strings.Contains(dockerfile, " AS "+s.Build.Target+"\n"):
			t.Errorf("%s: the Dockerfile has no stage %q", name, s.Build.Target)
		}
		if s.Restart == "" {
			t.Errorf("%s: no restart policy", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s: port %s is published on %q, want 127.0.0.1", name, p.Published, p.HostIP)
			}
		}
		for on, dep := range s.DependsOn {
			if dep.Condition == types.ServiceConditionHealthy && !hasHealthCheck(project.Services[on]) {
				t.Errorf("%s waits until %s is healthy, but that has no health check", name, on)
			}
		}
	}
	// What serves somebody must say whether it can; the generator serves nobody.
	for _, name := range []string{"kafka", "splunk", "forwarder"} {
		if !hasHealthCheck(project.Services[name]) {
			t.Errorf("%s: no health check", name)
		}
	}
}

func hasHealthCheck(s types.ServiceConfig) bool {
	h := s.HealthCheck
	return h != nil && !h.Disable && len(h.Test) > 1 && h.Test[0] != "NONE"
}

// TestComposeForwarderConfig reads the forwarder's environment as the
// forwarder does, and checks that it leads to the other services.
func TestComposeForwarderConfig(t *testing.T) {
	t.Parallel()
	project := loadCompose(t)
	forwarder, splunk, kafka := project.Services["forwarder"], project.Services["splunk"], project.Services["kafka"]

	// The secret's file exists only in the container: put the same value here.
	const tokenFile = "AUDITLOG_FORWARDER_HEC_TOKEN_FILE"
	if len(forwarder.Secrets) != 1 {
		t.Fatalf("forwarder: %d secrets, want the HEC token", len(forwarder.Secrets))
	}
	secret := forwarder.Secrets[0]
	if got, want := env(t, forwarder, tokenFile), "/run/secrets/"+secret.Source; got != want {
		t.Errorf("forwarder: %s is %s, but the secret is mounted at %s", tokenFile, got, want)
	}
	local := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(local, []byte(project.Environment[project.Secrets[secret.Source].Environment]), 0o600); err != nil {
		t.Fatal(err)
	}
	var vars []string
	for name := range forwarder.Environment {
		value := env(t, forwarder, name)
		if name == tokenFile {
			value = local
		}
		vars = append(vars, name+"="+value)
	}
	cfg, err := config.Load(config.Source{Env: vars})
	if err != nil {
		t.Fatalf("the forwarder refuses its environment: %v", err)
	}

	if got, want := cfg.HEC.Token.Reveal(), env(t, splunk, "SPLUNK_HEC_TOKEN"); got != want || want == "" {
		t.Error("the forwarder's HEC token is not the one that Splunk is given")
	}
	hec, err := url.Parse(cfg.HEC.URLs[0])
	if err != nil {
		t.Fatal(err)
	}
	if hec.Scheme != "https" || hec.Host != "splunk:8088" {
		t.Errorf("hec.url is %s, want https://splunk:8088, where the image listens", hec)
	}
	if !slices.Contains(indexes(t, project), cfg.HEC.Index) {
		t.Errorf("Splunk is not given the index %q", cfg.HEC.Index)
	}
	for _, server := range cfg.Kafka.BootstrapServers {
		if listeners := env(t, kafka, "KAFKA_ADVERTISED_LISTENERS"); !strings.Contains(listeners, "//"+server+",") {
			t.Errorf("kafka advertises %s, without %s for the forwarder", listeners, server)
		}
		if arg := "--bootstrap-servers=" + server; !slices.Contains(project.Services["generator"].Command, arg) {
			t.Errorf("generator: no %s, where the forwarder reads", arg)
		}
	}
	if !slices.ContainsFunc(forwarder.Volumes, func(v types.ServiceVolumeConfig) bool { return v.Type == "volume" && v.Target == cfg.DeadLetter.Dir }) {
		t.Errorf("forwarder: dead letters in %s are on no volume and die with the container", cfg.DeadLetter.Dir)
	}
	if grace := forwarder.StopGracePeriod; grace == nil || time.Duration(*grace) <= cfg.Batch.Drain {
		t.Errorf("forwarder: stop_grace_period is %v, want more than the drain of %s", grace, cfg.Batch.Drain)
	}
}

// indexes returns the indexes that the mounted default.yml gives Splunk.
func indexes(t *testing.T, project *types.Project) []string {
	t.Helper()
	mounts := project.Services["splunk"].Configs
	if len(mounts) != 1 || mounts[0].Target != "/tmp/defaults/default.yml" {
		t.Fatalf("splunk: want one config, at /tmp/defaults/default.yml, where the image looks")
	}
	var defaults struct {
		Splunk struct {
			Conf []struct {
				Key   string
				Value struct {
					Directory string
					Content   map[string]map[string]string
				}
			}
		}
	}
	if err := yaml.Unmarshal([]byte(project.Configs[mounts[0].Source].Content), &defaults); err != nil {
		t.Fatalf("splunk: default.yml is no YAML: %v", err)
	}
	var names []string
	for _, conf := range defaults.Splunk.Conf {
		for name, index := range conf.Value.Content {
			if conf.Key != "indexes" {
				continue
			}
			names = append(names, name)
			for _, path := range []string{"homePath", "coldPath", "thawedPath"} {
				if !strings.HasPrefix(index[path], "$SPLUNK_DB/"+name+"/") {
					t.Errorf("index %s: %s is %q, want a folder of its own under $SPLUNK_DB", name, path, index[path])
				}
			}
		}
	}
	return names
}

// TestComposeKafkaVersion keeps the broker that people try equal to the one
// that the tests use.
func TestComposeKafkaVersion(t *testing.T) {
	t.Parallel()
	_, version, _ := strings.Cut(loadCompose(t).Services["kafka"].Image, ":")
	if pom := readFile(t, "testdata/kafka/pom.xml"); !strings.Contains(pom, "<kafka.version>"+version+"</kafka.version>") {
		t.Errorf("docker-compose.yml starts Kafka %s, testdata/kafka/pom.xml names another", version)
	}
}
