package creds

import "fmt"

// Validate returns every mistake, each starting with its key. It reads no file.
func (t TLS) Validate() []error {
	var errs []error
	if t.MinVersion != "1.2" && t.MinVersion != "1.3" {
		errs = append(errs, fmt.Errorf("min_version: %q is unknown; allowed are 1.2, 1.3", t.MinVersion))
	}
	return errs
}
