package archtest

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// maxMainLines keeps main.go at flags, signals, logger and exit code.
const maxMainLines = 80

func TestMainIsThin(t *testing.T) {
	t.Parallel()
	mains, err := filepath.Glob(filepath.Join(root, "cmd", "*", "main.go"))
	if err != nil {
		t.Fatal(err)
	}
	if len(mains) == 0 {
		t.Fatal("no cmd/*/main.go")
	}
	for _, path := range mains {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(text, []byte("\n")); n > maxMainLines {
			t.Errorf("%s has %d lines, at most %d are allowed; move what is not flags, signals, logger or exit code", path, n, maxMainLines)
		}
	}
}

func TestNoInitPanicOrGlobalState(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if src.test {
			continue
		}
		for _, finding := range globals(src) {
			t.Error(finding)
		}
		ast.Inspect(src.file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if id, ok := call.Fun.(*ast.Ident); ok && id.Name == "panic" {
					t.Errorf("%s: panic; return an error", src.at(n))
				}
			}
			return true
		})
	}
}

// keptGlobals are the package-level variables that have no other place.
var keptGlobals = []string{
	"pkg/kafka/kafkatest/shared.go running", // TestMain can hand nothing to a test
}

// globals finds the init functions and the package-level variables that could
// be changed. Allowed are sentinel errors, compile-time checks, embedded files
// and the version that the linker sets.
func globals(src source) []string {
	var found []string
	for _, decl := range src.file.Decls {
		switch d := decl.(type) {
		case *ast.FuncDecl:
			if d.Recv == nil && d.Name.Name == "init" {
				found = append(found, src.at(d)+": func init; do it where it is needed")
			}
		case *ast.GenDecl:
			if d.Tok != token.VAR {
				continue
			}
			for _, spec := range d.Specs {
				v, ok := spec.(*ast.ValueSpec)
				if !ok {
					continue
				}
				for i, name := range v.Names {
					if !allowedGlobal(src, d, v, i) {
						found = append(found, fmt.Sprintf("%s: package-level variable %s; make it a constant, a function or a field", src.at(name), name.Name))
					}
				}
			}
		}
	}
	return found
}

func allowedGlobal(src source, d *ast.GenDecl, v *ast.ValueSpec, i int) bool {
	name := v.Names[i].Name
	switch {
	case name == "_", slices.Contains(keptGlobals, src.path+" "+name):
		return true
	case name == "version":
		return src.file.Name.Name == "main"
	case strings.HasPrefix(strings.ToLower(name), "err"):
		return i < len(v.Values) && isCall(v.Values[i], "errors", "New")
	default:
		return hasEmbed(d.Doc) || hasEmbed(v.Doc)
	}
}

func hasEmbed(doc *ast.CommentGroup) bool {
	return doc != nil && slices.ContainsFunc(doc.List, func(c *ast.Comment) bool { return strings.HasPrefix(c.Text, "//go:embed ") })
}

// isCall reports whether e calls pkg.name.
func isCall(e ast.Node, pkg string, names ...string) bool {
	call, ok := e.(*ast.CallExpr)
	if !ok {
		return false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == pkg && slices.Contains(names, sel.Sel.Name)
}

func TestNobodySleeps(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		ast.Inspect(src.file, func(n ast.Node) bool {
			if isCall(n, "time", "Sleep") {
				t.Errorf("%s: time.Sleep; wait for the state itself, or let testing/synctest move the clock", src.at(n))
			}
			return true
		})
	}
}

// TestSkipsAreLoud allows a test to be skipped in four ways: under -short, on
// another operating system, where it takes root, or by testdata/skip, which writes it down and
// fails it under CI=true.
func TestSkipsAreLoud(t *testing.T) {
	t.Parallel()
	for _, src := range sources(t) {
		if strings.HasPrefix(src.path, "testdata/skip/") {
			continue
		}
		var open []ast.Node // the bodies of the ifs that may skip
		ast.Inspect(src.file, func(n ast.Node) bool {
			if branch, ok := n.(*ast.IfStmt); ok && (isCall(branch.Cond, "testing", "Short") || comparesSystem(branch.Cond)) {
				open = append(open, branch.Body)
			}
			for _, receiver := range []string{"t", "b", "f", "tb"} {
				if !isCall(n, receiver, "Skip", "Skipf", "SkipNow") {
					continue
				}
				if !slices.ContainsFunc(open, func(body ast.Node) bool { return body.Pos() <= n.Pos() && n.End() <= body.End() }) {
					t.Errorf("%s: a test is skipped in silence; call skip.Missing, or skip under testing.Short, for runtime.GOOS or for os.Geteuid", src.at(n))
				}
			}
			return true
		})
	}
}

func comparesSystem(e ast.Expr) bool {
	cmp, ok := e.(*ast.BinaryExpr)
	if !ok {
		return false
	}
	if isCall(cmp.X, "os", "Geteuid") {
		return true
	}
	sel, ok := cmp.X.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	id, ok := sel.X.(*ast.Ident)
	return ok && id.Name == "runtime" && sel.Sel.Name == "GOOS"
}

// TestNoMachinePath holds the repository free of paths that exist on one
// machine only.
func TestNoMachinePath(t *testing.T) {
	t.Parallel()
	machine := regexp.MustCompile(`/(work|root|home/[a-z]+|Users/[A-Za-z]+)/`)
	for _, path := range files(t) {
		text, err := os.ReadFile(filepath.Join(root, path))
		if err != nil {
			t.Fatal(err)
		}
		for i, line := range bytes.Split(text, []byte("\n")) {
			if found := machine.Find(line); found != nil {
				t.Errorf("%s:%d: names %s", path, i+1, found)
			}
		}
	}
}
