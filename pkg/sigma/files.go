package sigma

import (
	"bytes"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"strings"

	"gopkg.in/yaml.v3"
)

// maxFile bounds what is read of a file of rules.
const maxFile = 1 << 20

// Files returns the files that a path or a pattern of paths names, in the order of
// their names. A pattern has to match; other says what may be written in its place.
func Files(pattern, other string) ([]string, error) {
	if !strings.ContainsAny(pattern, "*?[") {
		return []string{pattern}, nil
	}
	files, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("%q is no pattern of files: %w", pattern, err)
	}
	if len(files) == 0 {
		return nil, fmt.Errorf("%q matches no file; name files that are there, or %s", pattern, other)
	}
	return files, nil
}

// ReadFile reads a file of rules, or of settings beside them. Errors say what it was
// to be.
func ReadFile(what, file string) ([]byte, error) {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return nil, fmt.Errorf("read %s: %w", what, err)
	case info.IsDir():
		return nil, fmt.Errorf("read %s: %s is a folder; name the files in it: %s", what, file, filepath.Join(file, "*.yml"))
	case info.Size() > maxFile:
		return nil, fmt.Errorf("read %s: %s has %d bytes; a file has at most %d", what, file, info.Size(), maxFile)
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", what, err)
	}
	return data, nil
}

// Maps yields the documents of a file that are maps, as far as they are YAML. Where
// Parse refuses a rule, others look into it for mistakes of their own, so that all
// are told at once.
func Maps(data []byte) iter.Seq[*yaml.Node] {
	return func(yield func(*yaml.Node) bool) {
		for dec := yaml.NewDecoder(bytes.NewReader(data)); ; {
			var doc yaml.Node
			if dec.Decode(&doc) != nil || len(doc.Content) == 0 {
				return
			}
			if root := doc.Content[0]; root.Kind == yaml.MappingNode && !yield(root) {
				return
			}
		}
	}
}
