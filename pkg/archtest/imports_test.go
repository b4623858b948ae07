package archtest

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mayImport is the import table of docs/design.md: a package on the left may
// import those of ours on the right, and no others. Imports go downward only.
// A new package needs a row, so that its place is decided and not found.
var mayImport = map[string][]string{
	"pkg/creds/keystore": {},

	"pkg/audit":      {},
	"pkg/creds":      {"pkg/creds/keystore"},
	"pkg/ops":        {},
	"pkg/sigma":      {"pkg/audit"},
	"pkg/hec":        {"pkg/audit", "pkg/creds"},
	"pkg/deadletter": {"pkg/audit"},
	"pkg/forwarder":  {"pkg/audit", "pkg/summary", "pkg/deadletter"},
	"pkg/summary":    {"pkg/audit"},
	"pkg/filter":     {"pkg/audit", "pkg/creds", "pkg/sigma", "pkg/summary", "pkg/forwarder"},
	"pkg/kafka":      {"pkg/audit", "pkg/creds"},
	"pkg/mirror":     {"pkg/audit", "pkg/kafka"},
	"pkg/sigma/spl":  {"pkg/sigma"},
	"pkg/heartbeat":  {},

	"config/alerts":        {},
	"config/splunkapp":     {},
	"pkg/alerts":           {"pkg/sigma", "pkg/sigma/spl", "pkg/creds", "config/alerts"},
	"pkg/alerts/firing":    {"pkg/alerts", "pkg/sigma"},
	"pkg/alerts/splunkapp": {"pkg/alerts", "pkg/sigma", "config/splunkapp"},
	"pkg/alerts/deploy":    {"pkg/alerts", "pkg/creds"},

	"pkg/config":   {"pkg/creds", "pkg/ops", "pkg/hec", "pkg/deadletter", "pkg/filter", "pkg/forwarder", "pkg/kafka", "pkg/summary", "pkg/heartbeat", "pkg/alerts", "pkg/alerts/deploy"},
	"pkg/importer": {"pkg/creds", "pkg/config"},
	"pkg/app": {
		"pkg/audit", "pkg/creds", "pkg/ops", "pkg/sigma", "pkg/hec", "pkg/deadletter", "pkg/filter", "pkg/summary",
		"pkg/forwarder", "pkg/kafka", "pkg/mirror", "pkg/heartbeat", "pkg/alerts", "pkg/alerts/firing", "pkg/config",
	},
	"cmd/auditlog-forwarder": {
		"pkg/app", "pkg/config", "pkg/importer",
		"pkg/deadletter", // it lists dead letters
		"pkg/alerts", "pkg/alerts/firing", "pkg/alerts/splunkapp", "pkg/alerts/deploy",
	},
}

// support are the packages that serve tests, the demo, the generator and the
// benchmark. They may import whatever they need, and none of the packages of
// mayImport may import them.
var support = []string{
	"cmd/auditbench",
	"cmd/auditchaos",
	"cmd/auditdemo",
	"cmd/auditgen",
	"pkg/alerts/deploy/resttest",
	"pkg/archtest",
	"pkg/audit/auditgen",
	"pkg/faultnet",
	"pkg/hec/hectest",
	"pkg/kafka/kafkatest",
	"pkg/kafka/kafkatest/oidc",
	"pkg/sigma/spl/spltest",
	"pkg/sigma/spl/spltest/compare",
	"testdata/events",
	"testdata/leak",
	"testdata/skip",
}

func TestImportsGoDownwardOnly(t *testing.T) {
	t.Parallel()
	for _, p := range allPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		allowed, inTable := mayImport[name]
		if !inTable {
			if !slices.Contains(support, name) {
				t.Errorf("%s has no row in the import table; decide what it may import, here and in docs/design.md", name)
			}
			continue
		}
		for _, imp := range p.Imports {
			if ours, ok := strings.CutPrefix(imp, module+"/"); ok && !slices.Contains(allowed, ours) {
				t.Errorf("%s imports %s; allowed are %v", name, ours, allowed)
			}
		}
	}
}

// TestRoomsAreDescribed holds that docs/design.md has each package of the import
// table, and each one of support.
func TestRoomsAreDescribed(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(root, "docs/design.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rooms, _ := strings.Cut(string(text), "\n## Rooms\n")
	rooms, _, _ = strings.Cut(rooms, "\n## ")
	for name := range mayImport {
		row := strings.Index(rooms, "`"+name+"`")
		if row < 0 || rooms[strings.LastIndex(rooms[:row], "\n")+1] != '|' {
			t.Errorf("the table of rooms in docs/design.md has no row for %s", name)
		}
	}
	for _, name := range support {
		parent := path.Dir(name)
		if !strings.Contains(rooms, "`"+name+"`") && !strings.Contains(rooms, "`"+parent+"`") && name != "pkg/archtest" {
			t.Errorf("docs/design.md does not name %s among what is support", name)
		}
	}
}

// TestOneImporter holds each library that shapes the code around it in one
// room, so that it can be replaced there.
func TestOneImporter(t *testing.T) {
	t.Parallel()
	owners := map[string]string{
		"github.com/spf13/viper":                  "pkg/config",
		"github.com/IBM/sarama":                   "pkg/kafka",
		"github.com/hashicorp/go-retryablehttp":   "pkg/hec",
		"github.com/coreos/go-systemd/v22/daemon": "pkg/ops",
	}
	for _, p := range allPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, module+"/")
		for _, imp := range p.Imports {
			owner, owned := owners[imp]
			if owned && name != owner && !strings.HasPrefix(name, owner+"/") {
				t.Errorf("%s imports %s, which belongs to %s", name, imp, owner)
			}
		}
	}
}

// TestProductLinksNoStandIn holds the product's binary free of everything
// that only tests, the demo or the benchmark need.
func TestProductLinksNoStandIn(t *testing.T) {
	t.Parallel()
	pkgs := goList(t, "./cmd/auditlog-forwarder")
	if len(pkgs) != 1 || len(pkgs[0].Deps) == 0 {
		t.Fatalf("go list ./cmd/auditlog-forwarder gave %d packages, want one with its dependencies", len(pkgs))
	}
	for _, dep := range pkgs[0].Deps {
		for _, word := range []string{
			"franz-go", "compose-go", "goleak", "go-internal", "go-cmp",
			"/testdata/", "auditgen", "hectest", "kafkatest", "faultnet", "archtest", "net/http/httptest",
		} {
			if strings.Contains(dep, word) {
				t.Errorf("the product links %s", dep)
			}
		}
		if dep == "testing" {
			t.Errorf("the product links %s", dep)
		}
	}
}
