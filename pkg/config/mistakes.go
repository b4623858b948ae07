package config

import (
	"errors"
	"strings"
)

// Mistakes takes apart what Load returns.
func Mistakes(err error) []error {
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) {
		if err == nil {
			return nil
		}
		return []error{err}
	}
	var all []error
	for _, e := range joined.Unwrap() {
		all = append(all, Mistakes(e)...)
	}
	return all
}

// About returns of Load's mistakes those about one key, or about the file that
// holds its value.
func About(err error, key string) error {
	var errs []error
	for _, m := range Mistakes(err) {
		var e *Error
		if errors.As(m, &e) && (e.Key == key || e.Key == key+fileSuffix) {
			errs = append(errs, m)
		}
	}
	return errors.Join(errs...)
}

// Concerning returns of Load's mistakes those that a command which needs one
// section only has to stop at: those in the section, and those that may be a
// misspelt key of it.
func Concerning(err error, section string) error {
	var errs []error
	for _, m := range Mistakes(err) {
		var e *Error
		if errors.As(m, &e) && e.Key != "" && e.Key != section && !strings.HasPrefix(e.Key, section+".") {
			continue
		}
		errs = append(errs, m)
	}
	return errors.Join(errs...)
}
