package archtest

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// TestLinks holds every link between the documents: the file is there, and so is
// the heading that an anchor names.
func TestLinks(t *testing.T) {
	t.Parallel()
	tree := os.DirFS(root)
	link := regexp.MustCompile(`\]\(([^)\s]+)\)`)
	checked := 0
	for _, file := range files(t) {
		if path.Ext(file) != ".md" {
			continue
		}
		for n, line := range proseLines(t, tree, file) {
			for _, m := range link.FindAllStringSubmatch(line, -1) {
				if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
					continue
				}
				checked++
				name, anchor, _ := strings.Cut(m[1], "#")
				target := file
				if name != "" {
					target = path.Join(path.Dir(file), name)
				}
				if _, err := fs.Stat(tree, target); err != nil {
					t.Errorf("%s:%d: %s leads to %s, which is not there", file, n+1, m[1], target)
					continue
				}
				if anchor != "" && !headings(t, tree, target)[anchor] {
					t.Errorf("%s:%d: %s names a heading that %s does not have", file, n+1, m[1], target)
				}
			}
		}
	}
	if checked < 100 {
		t.Errorf("only %d links were found; is the pattern right?", checked)
	}
}

// proseLines returns the lines of a document, empty where they are code.
func proseLines(t *testing.T, tree fs.FS, file string) []string {
	t.Helper()
	text, err := fs.ReadFile(tree, file)
	if err != nil {
		t.Fatalf("read a document: %v", err)
	}
	lines, code := strings.Split(string(text), "\n"), false
	for i, line := range lines {
		fence := strings.HasPrefix(strings.TrimSpace(line), "```")
		if fence {
			code = !code
		}
		if fence || code {
			lines[i] = ""
		}
	}
	return lines
}

// headings returns the anchors of a document's headings, as forges make them.
func headings(t *testing.T, tree fs.FS, file string) map[string]bool {
	t.Helper()
	anchors, before := map[string]bool{}, map[string]int{}
	for _, line := range proseLines(t, tree, file) {
		title := strings.TrimLeft(line, "#")
		if level := len(line) - len(title); level == 0 || level > 6 || !strings.HasPrefix(title, " ") {
			continue
		}
		anchor := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			default:
				return -1
			}
		}, strings.TrimSpace(title))
		before[anchor]++
		if n := before[anchor]; n > 1 {
			anchor = fmt.Sprintf("%s-%d", anchor, n-1)
		}
		anchors[anchor] = true
	}
	return anchors
}
