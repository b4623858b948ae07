package hec

import (
	"errors"
	"fmt"
)

// validateShape returns the mistakes in what says how an event is sent.
func (c Config) validateShape() []error {
	var errs []error
	if c.Endpoint == EndpointRaw && c.RawLineBreaker == "" {
		errs = append(errs, errors.New("raw_line_breaker: empty; events would run into each other; give what the sourcetype breaks at, such as a line break"))
	}
	for _, route := range c.Routes {
		if route == "" {
			errs = append(errs, fmt.Errorf("routes: %q is no route", route))
		}
	}
	return errs
}
