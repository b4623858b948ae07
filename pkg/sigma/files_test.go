package sigma

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	for name, size := range map[string]int{"b.yml": 1, "a.yml": maxFile, "large": maxFile + 1} {
		if err := os.WriteFile(in(name), make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for pattern, want := range map[string][]string{
		in("none.yml"): {in("none.yml")}, // whether it is there is seen when it is read
		in("*.yml"):    {in("a.yml"), in("b.yml")},
	} {
		if got, err := Files(pattern, "x"); err != nil || !cmp.Equal(got, want) {
			t.Errorf("Files(%s) = %v, %v; want %v", pattern, got, err, want)
		}
	}
	for _, pattern := range []string{in("*.none"), "["} {
		if got, err := Files(pattern, "x"); err == nil {
			t.Errorf("Files(%s) = %v, want an error", pattern, got)
		}
	}
	if data, err := ReadFile("it", in("a.yml")); err != nil || len(data) != maxFile {
		t.Errorf("%d bytes, %v; want %d", len(data), err, maxFile)
	}
	if _, err := ReadFile("it", in("none.yml")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, want that it does not exist", err)
	}
	for file, want := range map[string]string{in("large"): "at most 1048576", dir: "is a folder"} {
		if _, err := ReadFile("it", file); err == nil || !strings.Contains(err.Error(), "read it: "+file) || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestMaps(t *testing.T) {
	t.Parallel()
	var got []string
	for root := range Maps([]byte("a: 1\n---\n- b\n---\nc: 2\n---\nd: [\n")) {
		got = append(got, root.Content[0].Value)
	}
	if diff := cmp.Diff([]string{"a", "c"}, got); diff != "" {
		t.Error(diff)
	}
}
