package splunkapp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Saved is a package on disk.
type Saved struct {
	Path   string `json:"path"`
	Bytes  int64  `json:"bytes"`
	SHA256 string `json:"sha256"`
}

// Save writes the package into a folder, which is made if need be. Only the
// user can read the file, since it may hold the addresses of webhooks. A package
// of the same name stays whole until the new one is.
func (p *Package) Save(dir string) (saved Saved, err error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Saved{}, err
	}
	file, err := os.CreateTemp(dir, "."+ID+"-*") // 0600
	if err != nil {
		return Saved{}, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(file.Name()))
		}
	}()
	sum := sha256.New()
	if err := errors.Join(p.Write(io.MultiWriter(file, sum)), file.Close()); err != nil {
		return Saved{}, fmt.Errorf("write the package: %w", err)
	}
	about, err := os.Stat(file.Name())
	if err != nil {
		return Saved{}, err
	}
	to := filepath.Join(dir, p.Name())
	if err := os.Rename(file.Name(), to); err != nil {
		return Saved{}, err
	}
	return Saved{Path: to, Bytes: about.Size(), SHA256: hex.EncodeToString(sum.Sum(nil))}, nil
}
