package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "auditlog-forwarder"
	// root leads from this package's folder to the repository's.
	root = "../.."
)

// listed is what `go list -json` says of one package; test files are left out.
type listed struct {
	ImportPath string
	Imports    []string
	Deps       []string
}

// goList lists packages by the go command; args are its patterns.
func goList(t *testing.T, args ...string) []listed {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", append([]string{"list", "-json=ImportPath,Imports,Deps"}, args...)...)
	cmd.Dir = root
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	var pkgs []listed
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p listed
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			t.Fatalf("read the output of go list: %v", err)
		}
		pkgs = append(pkgs, p)
	}
}

// allPackages lists the whole module, with the packages under testdata, which
// the go command's ... leaves out.
func allPackages(t *testing.T) []listed {
	t.Helper()
	args := []string{"./..."}
	for _, f := range files(t) {
		if dir := "./" + filepath.ToSlash(filepath.Dir(f)); strings.HasPrefix(f, "testdata/") && strings.HasSuffix(f, ".go") && !slices.Contains(args, dir) {
			args = append(args, dir)
		}
	}
	return goList(t, args...)
}

// files returns the repository's files as slash paths relative to root,
// without what git or a build puts there.
func files(t *testing.T) []string {
	t.Helper()
	var found []string
	err := fs.WalkDir(os.DirFS(root), ".", func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", ".cache", "bin", "dead-letter"}, path):
			return fs.SkipDir
		case d.Type().IsRegular():
			found = append(found, path)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("walk the repository: %v", err)
	}
	return found
}

// source is one parsed Go file.
type source struct {
	path string
	test bool
	fset *token.FileSet
	file *ast.File
}

// at returns "path:line" of a node.
func (s source) at(n ast.Node) string { return s.fset.Position(n.Pos()).String() }

// sources parses every Go file of the repository.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	for _, path := range files(t) {
		if !strings.HasSuffix(path, ".go") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatalf("read a source file: %v", err)
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, path, text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatalf("parse a source file: %v", err)
		}
		all = append(all, source{path: path, test: strings.HasSuffix(path, "_test.go"), fset: fset, file: f})
	}
	if len(all) == 0 {
		t.Fatalf("no Go files under %s", root)
	}
	return all
}

// readFile returns a file of the repository.
func readFile(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// TestTopLevel holds what may lie beside the folders of the code, so that
// nothing is left there by accident.
func TestTopLevel(t *testing.T) {
	t.Parallel()
	allowed := []string{
		".ci", ".dockerignore", ".env", ".gitignore", ".golangci.yml", "CHANGELOG.md", "Dockerfile", "LICENSE", "Makefile", "README.md",
		"cmd", "config", "docker-compose.yml", "docs", "go.mod", "go.sum", "pkg", "testdata",
	}
	// What git does not track, such as a configuration tried out here, is nobody's business.
	cmd := exec.CommandContext(t.Context(), "git", "ls-files")
	cmd.Dir = root
	tracked, err := cmd.Output()
	if err != nil {
		t.Logf("this is no checkout: git ls-files: %v", err)
		return
	}
	for f := range strings.Lines(string(tracked)) {
		if top, _, _ := strings.Cut(strings.TrimSpace(f), "/"); !slices.Contains(allowed, top) {
			t.Errorf("%s: this does not belong to the project's top level", f)
		}
	}
}
