package splunkapp

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"errors"
	"image/png"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"auditlog-forwarder/config/splunkapp"
	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/testdata/events"
)

const testVersion = "1.2.3"

// everything enables each alert and gives it each action.
const everything = `
search: index=audit sourcetype="confluent:auditlog"
enabled: all
actions:
  email: {to: [security@example.com], cc: [boss@example.com]}
  webhook: {url_file: hook}
  slack: {channel: "#security"}
  teams: {url_file: hook}
`

// plain is the app as it comes; tests only read it.
var plain = sync.OnceValues(func() (*Package, error) { return buildWith("") })

func buildWith(settingsFile string) (*Package, error) {
	c, err := alerts.Load([]string{alerts.Builtin}, settingsFile)
	if err != nil {
		return nil, err
	}
	return Build(c, testVersion)
}

// build gives the app of the catalogue that comes with the program.
func build(t *testing.T, settings string) *Package {
	t.Helper()
	p, err := plain()
	if settings != "" {
		dir := t.TempDir()
		hook := filepath.Join(dir, "hook")
		file := filepath.Join(dir, "settings.yaml")
		text := strings.ReplaceAll(settings, "url_file: hook", "url_file: "+hook)
		err := errors.Join(os.WriteFile(hook, []byte("https://hooks.example.com/x"), 0o600), os.WriteFile(file, []byte(text), 0o600))
		if err != nil {
			t.Fatal(err)
		}
		p, err = buildWith(file)
		if err != nil {
			t.Fatal(err)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func (p *Package) file(t *testing.T, at string) []byte {
	t.Helper()
	for _, f := range p.Files {
		if f.Path == at {
			return f.Data
		}
	}
	t.Fatalf("the app has no %s", at)
	return nil
}

func TestVersionOf(t *testing.T) {
	t.Parallel()
	for from, want := range map[string]string{
		"v1.2.3":                      "1.2.3",
		"v1.2.3-rc.1":                 "1.2.3-rc.1",
		"v1.2.3-dirty":                "1.2.3-dirty",
		"v1.2.3-14-g0a1b2c3":          "1.2.4-dev.14.g0a1b2c3",
		"v1.2.3-14-g0a1b2c3-dirty":    "1.2.4-dev.14.g0a1b2c3.dirty",
		"1.2.9-1-gabcdef0":            "1.2.10-dev.1.gabcdef0",
		"0c8e559":                     "0.0.0-dev.g0c8e559",
		"0c8e559-dirty":               "0.0.0-dev.g0c8e559.dirty",
		"1234567":                     "0.0.0-dev.g1234567",
		"v0.0.0-20261123012345-abcde": "0.0.0-20261123012345-abcde",
		"dev":                         "0.0.0-dev",
		"devel":                       "0.0.0-dev",
		"":                            "0.0.0-dev",
		"v1.2":                        "0.0.0-dev",
		"my/branch":                   "0.0.0-dev",
	} {
		got := VersionOf(from)
		if got != want {
			t.Errorf("VersionOf(%q) is %q, want %q", from, got, want)
		}
		if err := CheckVersion(got); err != nil {
			t.Errorf("VersionOf(%q): %v", from, err)
		}
	}
}

func TestCheckVersion(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "1", "1.2", "v1.2.3", "1.2.3.4", "01.2.3", "1.2.3-", "1.2.3-a..b", "1.2.3-01", "1.2.3+5", "1.2.3 "} {
		if CheckVersion(bad) == nil {
			t.Errorf("%q is taken for a version", bad)
		}
	}
}

// TestPackageIsReproducible builds the app twice, and looks at what of the
// archive AppInspect and others would stumble over.
func TestPackageIsReproducible(t *testing.T) {
	t.Parallel()
	var first, second bytes.Buffer
	p := build(t, "")
	again, err := buildWith("")
	if err != nil {
		t.Fatal(err)
	}
	for to, p := range map[*bytes.Buffer]*Package{&first: p, &second: again} {
		if err := p.Write(to); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two builds differ")
	}
	zipped, err := gzip.NewReader(&first)
	if err != nil {
		t.Fatal(err)
	}
	if !zipped.ModTime.IsZero() || zipped.Name != "" {
		t.Errorf("gzip has the time %s and the name %q", zipped.ModTime, zipped.Name)
	}
	seen := map[string]bool{}
	for r := tar.NewReader(zipped); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Name != ID+"/" && (!strings.HasPrefix(h.Name, ID+"/") || path.Clean(h.Name) != strings.TrimSuffix(h.Name, "/")) {
			t.Errorf("%s: not below %s", h.Name, ID)
		}
		if strings.HasPrefix(path.Base(h.Name), ".") {
			t.Errorf("%s: hidden", h.Name)
		}
		if dir := path.Dir(strings.TrimSuffix(h.Name, "/")) + "/"; dir != "./" && !seen[dir] {
			t.Errorf("%s: comes before its folder", h.Name)
		}
		seen[h.Name] = true
		want := int64(0o644)
		if h.Typeflag == tar.TypeDir {
			want = 0o755
		}
		if h.Mode != want || h.Uid != 0 || h.Gid != 0 || h.Uname != "" || h.Gname != "" || h.ModTime.Year() != 1980 {
			t.Errorf("%s: %+v", h.Name, h)
		}
	}
	if n := len(p.Files); n < 12 {
		t.Errorf("the app has only %d files", n)
	}
}

func TestSave(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new")
	p := build(t, "")
	saved, err := p.Save(dir)
	if err != nil {
		t.Fatal(err)
	}
	again, err := p.Save(dir)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(saved, again); diff != "" {
		t.Errorf("saved twice (-first +second):\n%s", diff)
	}
	left, err := os.ReadDir(dir)
	if err != nil || len(left) != 1 || left[0].Name() != ID+"-"+testVersion+".tar.gz" {
		t.Fatalf("the folder has %v, %v", left, err)
	}
	about, err := left[0].Info()
	if err != nil || about.Mode().Perm() != 0o600 || about.Size() != saved.Bytes {
		t.Errorf("%v, %v; want %d bytes that only the owner can read", about, err, saved.Bytes)
	}
}

// TestSaveLeavesNothing holds that a package that cannot be put in its place
// leaves no half file behind.
func TestSaveLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	inTheWay := filepath.Join(dir, ID+"-"+testVersion+".tar.gz", "file")
	if err := os.MkdirAll(inTheWay, 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := build(t, "").Save(dir); err == nil {
		t.Error("a folder is replaced by the package")
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 1 || !left[0].IsDir() {
		t.Errorf("the folder has %v, %v", left, err)
	}
}

// TestIcons holds that the icons have the sizes that Splunk shows.
func TestIcons(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	for name, size := range map[string]int{"appIcon": 36, "appIcon_2x": 72} {
		icon, err := png.DecodeConfig(bytes.NewReader(p.file(t, "static/"+name+".png")))
		if err != nil || icon.Width != size || icon.Height != size {
			t.Errorf("%s: %d by %d pixels, %v; want %d", name, icon.Width, icon.Height, err, size)
		}
	}
}

// TestWhoSees holds that fields, event types, tags, lookups and macros are there
// in every app, Enterprise Security's as well, and that alerts and dashboards
// are not.
func TestWhoSees(t *testing.T) {
	t.Parallel()
	stanzas, err := readConf(string(build(t, "").file(t, "metadata/default.meta")))
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, s := range stanzas {
		got[s.name] = s.of["export"]
	}
	want := map[string]string{"": "system", "views": "none", "nav": "none", "savedsearches": "none"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("export (-want +got):\n%s", diff)
	}
}

// TestBuildNumber holds that Splunk's browsers get new files when there are some.
func TestBuildNumber(t *testing.T) {
	t.Parallel()
	one, all := build(t, "").file(t, "default/app.conf"), build(t, everything).file(t, "default/app.conf")
	if bytes.Equal(one, all) {
		t.Errorf("two apps have the same build number:\n%s", one)
	}
}

// TestNavigation holds that the navigation names the dashboards that are there.
func TestNavigation(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	var nav struct {
		Views []struct {
			Name    string `xml:"name,attr"`
			Default bool   `xml:"default,attr"`
		} `xml:"view"`
	}
	if err := xml.Unmarshal(p.file(t, "default/data/ui/nav/default.xml"), &nav); err != nil {
		t.Fatal(err)
	}
	var got []string
	for i, v := range nav.Views {
		got = append(got, v.Name)
		if v.Default != (i == 0 && len(p.Dashboards) > 0) {
			t.Errorf("%s: default is %t", v.Name, v.Default)
		}
	}
	var want []string
	for _, f := range p.Files {
		if name, ok := strings.CutPrefix(f.Path, "default/data/ui/views/"); ok {
			want = append(want, strings.TrimSuffix(name, ".xml"))
		}
	}
	if diff := cmp.Diff(append(want, "alerts", "search"), got); diff != "" {
		t.Errorf("navigation (-files +nav):\n%s", diff)
	}
}

// TestMacros holds that searches and dashboards find each macro that they name.
func TestMacros(t *testing.T) {
	t.Parallel()
	p := build(t, "")
	stanzas, err := readConf(string(p.file(t, "default/macros.conf")))
	if err != nil {
		t.Fatal(err)
	}
	defined := map[string]bool{}
	for _, s := range stanzas {
		name, _, _ := strings.Cut(s.name, "(")
		defined[name] = true
	}
	searches, err := readConf(string(p.file(t, "default/savedsearches.conf")))
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for _, s := range searches {
		texts[s.name] = s.of["search"]
	}
	for _, f := range p.Files {
		if strings.HasPrefix(f.Path, "default/data/ui/views/") {
			texts[f.Path] = string(f.Data)
		}
	}
	named := 0
	for name, text := range texts {
		for _, m := range regexp.MustCompile("`([a-z0-9_]+)(\\([^`]*\\))?`").FindAllStringSubmatch(text, -1) {
			if named++; !defined[m[1]] {
				t.Errorf("%s: there is no macro %s", name, m[1])
			}
		}
	}
	if named < 100 {
		t.Errorf("only %d macros are named", named)
	}
}

// TestMethods holds the lookup together, and to the events that we know.
func TestMethods(t *testing.T) {
	t.Parallel()
	text, err := fs.ReadFile(splunkapp.FS, methodsFile)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"method", "activity", "action", "object_category", "area", "noise", "description"}, rows[0]); diff != "" {
		t.Fatalf("columns (-want +got):\n%s", diff)
	}
	allowed := map[int][]string{
		1: {"change", "read", "authentication", "authorization", "data", "access", "system"},
		2: {"", "created", "deleted", "modified", "acl_modified", "stopped", "started", "restarted", "read"},
		4: {"", "account", "aaa", "network", "audit"},
		5: {"", "low", "high"},
	}
	seen := map[string]bool{}
	for _, row := range rows[1:] {
		if seen[strings.ToLower(row[0])] {
			t.Errorf("%s is there twice", row[0])
		}
		seen[strings.ToLower(row[0])] = true
		for at, words := range allowed {
			if !slices.Contains(words, row[at]) {
				t.Errorf("%s: %s is %q", row[0], rows[0][at], row[at])
			}
		}
		if (row[1] == "change" || row[1] == "read") != (row[2] != "") || row[3] == "" || row[6] == "" {
			t.Errorf("%s: a change has an action, and every method an object and a description: %q", row[0], row)
		}
	}
	for name, body := range corpus(t) {
		var e struct {
			Data struct {
				Camel string `json:"methodName"`
				Snake string `json:"method_name"`
			}
		}
		if err := json.Unmarshal(body, &e); err != nil {
			t.Fatal(err)
		}
		if method := e.Data.Camel + e.Data.Snake; !seen[strings.ToLower(method)] {
			t.Errorf("%s: the lookup does not know %s", name, method)
		}
	}
}

// corpus are the events of testdata by name, in one line each.
func corpus(t *testing.T) map[string][]byte {
	t.Helper()
	files, err := fs.Glob(events.FS, "*.json")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d events, %v", len(files), err)
	}
	all := map[string][]byte{}
	for _, name := range files {
		text, err := fs.ReadFile(events.FS, name)
		if err != nil {
			t.Fatal(err)
		}
		var line bytes.Buffer
		if err := json.Compact(&line, text); err != nil {
			t.Fatal(err)
		}
		all[strings.TrimSuffix(name, ".json")] = line.Bytes()
	}
	return all
}
