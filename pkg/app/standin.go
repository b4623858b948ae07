package app

import (
	"crypto/sha256"
	"os"
	"slices"

	"auditlog-forwarder/pkg/creds"
)

// TODO(coordinator): STAND-IN for pkg/creds of branch w-creds. At the merge
// delete this file; write creds.NewWatch for watchFiles (in a closure that
// returns changes) and t.Files() for tlsFiles(t).

// tlsFiles returns the files that t reads.
func tlsFiles(t creds.TLS) []string {
	return slices.DeleteFunc(
		[]string{t.CAFile, t.TruststoreFile, t.ClientCertFile, t.ClientKeyFile, t.KeystoreFile},
		func(path string) bool { return path == "" })
}

// fileSums is what files held when they were last looked at.
type fileSums map[string][sha256.Size]byte

func watchFiles(paths ...string) changes {
	w := fileSums{}
	for _, path := range paths {
		w[path] = sumOf(path)
	}
	return w
}

// Changed implements changes.
func (w fileSums) Changed() []string {
	var changed []string
	for path, was := range w {
		if now := sumOf(path); now != was {
			w[path] = now
			changed = append(changed, path)
		}
	}
	return changed
}

// sumOf is zero for what cannot be read.
func sumOf(path string) (sum [sha256.Size]byte) {
	data, err := os.ReadFile(path)
	if err != nil {
		return sum
	}
	return sha256.Sum256(data)
}
