package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// maxSecret bounds a file that holds a secret.
const maxSecret = 64 << 10

// readSecretFiles replaces every <key>_file setting by the key itself with
// the file's content. The highest layer that gives either of the two wins; a
// file that only a lower layer names is not read. layers rise in precedence.
// If no layer gives one, the systemd credential of that name is taken, if
// there is one. What was read is recorded in the layer that named it. The
// files are those that were read or should have been.
func readSecretFiles(layers []layer, keys []Key, credsDir string) (files []string, errs []error) {
	for _, k := range keys {
		if !k.FromFile {
			continue
		}
		given := false
		for i := len(layers) - 1; i >= 0; i-- {
			l := layers[i]
			file, hasFile := l.settings[k.Name+fileSuffix]
			value, hasValue := l.settings[k.Name]
			delete(l.settings, k.Name+fileSuffix)
			switch {
			case hasFile && hasValue:
				errs = append(errs, &Error{Key: k.Name, Where: value.where, Text: fmt.Sprintf(
					"given as well as %s%s (%s); keep one of the two", k.Name, fileSuffix, file.where)})
			case given: // a higher layer has it
				delete(l.settings, k.Name)
			case hasFile:
				path := fmt.Sprint(file.value)
				files = append(files, path)
				v, err := k.fromFile(path)
				if err != nil {
					errs = append(errs, &Error{Key: k.Name + fileSuffix, Where: file.where, Text: err.Error()})
					break
				}
				l.set(k.Name, v, fmt.Sprintf("file %s, named by %s", path, file.where))
			}
			given = given || hasFile || hasValue
		}
		if given || credsDir == "" {
			continue
		}
		path := filepath.Join(credsDir, k.credential())
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		files = append(files, path)
		where := "systemd credential " + k.credential()
		v, err := k.fromFile(path)
		if err != nil {
			errs = append(errs, &Error{Key: k.Name, Where: where, Text: err.Error()})
			continue
		}
		layers[0].set(k.Name, v, where)
	}
	return files, errs
}

// fromFile reads the value of k. The error names the file, never its content.
func (k Key) fromFile(path string) (any, error) {
	if path == "" {
		return nil, errors.New("empty; give the path of a file, or remove it")
	}
	data, _, err := readBounded(path, maxSecret)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	secret, err := parseSecret(string(data))
	switch {
	case err != nil:
		return nil, fmt.Errorf("%s %w", path, err)
	case strings.TrimSpace(secret.Reveal()) == "":
		return nil, fmt.Errorf("%s is empty; write %s into it", path, k.Name)
	case k.Secret:
		return secret, nil
	default:
		return secret.Reveal(), nil
	}
}

// isSecret reports whether v is a secret that is not empty.
func isSecret(v any) bool {
	s, ok := v.(creds.Secret)
	return ok && !s.Empty()
}
