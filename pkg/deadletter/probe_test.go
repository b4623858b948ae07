package deadletter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
)

// TestProbe: looking changes nothing, and sees what run would meet.
func TestProbe(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	dir := filepath.Join(base, "a", "dead-letter")
	look := func(want Found) {
		t.Helper()
		got, err := Probe(dir)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
	}
	look(Found{Dir: dir})
	if left, err := os.ReadDir(base); err != nil || len(left) != 0 {
		t.Errorf("probing left %v, %v", left, err)
	}

	s, err := Open(Config{Dir: dir, MaxBytes: 1 << 20}, zap.NewNop())
	if err != nil {
		t.Fatal(err)
	}
	look(Found{Dir: dir, Exists: true, InUse: true})
	put(t, s, sample(1))
	_, held, err := Summary(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	look(Found{Dir: dir, Exists: true, Bytes: held})

	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{file, filepath.Join(file, "below")} {
		if _, err := Probe(bad); err == nil || !strings.Contains(err.Error(), "dead_letter.dir elsewhere") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}
