package hec

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"auditlog-forwarder/pkg/audit"
)

// checkEnvelope proves that a value is one HEC event that Splunk indexes. It
// must be proved before it is sent: an unknown member makes Splunk drop it and
// all that follow it in the request, with HTTP 200.
func checkEnvelope(value []byte) error {
	var seen struct{ time, host, source, sourcetype, index, fields, event bool }
	err := audit.Members(value, func(name, val []byte) error {
		var met *bool
		var err error
		switch string(name) {
		case "time":
			met, err = &seen.time, checkTime(val)
		case "host":
			met, err = &seen.host, checkIsString(val)
		case "source":
			met, err = &seen.source, checkIsString(val)
		case "sourcetype":
			met, err = &seen.sourcetype, checkIsString(val)
		case "index":
			met, err = &seen.index, checkIsString(val)
		case "fields":
			met, err = &seen.fields, checkFlat(val)
		case "event":
			met, err = &seen.event, checkEvent(val)
		default:
			return fmt.Errorf("no HEC event: %.60q is no member of one; allowed are time, host, source, sourcetype, index, fields and event", name)
		}
		switch {
		case *met:
			return fmt.Errorf("no HEC event: %q is there twice", name)
		case err != nil:
			return fmt.Errorf("no HEC event: %q: %w", name, err)
		}
		*met = true
		return nil
	})
	if err == nil && !seen.event {
		return errors.New(`no HEC event: "event" is missing`)
	}
	return err
}

func checkIsString(v []byte) error {
	if v[0] != '"' {
		return errors.New("not a string")
	}
	return nil
}

func checkEvent(v []byte) error {
	switch v[0] {
	case 'n', 't', 'f':
		return errors.New("neither null nor true nor false can be indexed")
	case '"':
		// Nearly every text shows by its first byte that it is not blank.
		if c := v[1]; c > ' ' && c < 0x7f && c != '"' && c != '\\' {
			return nil
		}
		var text string
		if err := json.Unmarshal(v, &text); err != nil {
			return err
		}
		if strings.TrimSpace(text) == "" {
			return errors.New("blank")
		}
	}
	return nil
}

// checkTime wants seconds as a decimal number, which may stand in quotes.
func checkTime(v []byte) error {
	if v[0] == '"' {
		v = v[1 : len(v)-1]
	}
	if len(v) > 0 && v[0] == '-' {
		v = v[1:]
	}
	digits := func() (n int) {
		for n < len(v) && v[n] >= '0' && v[n] <= '9' {
			n++
		}
		return n
	}
	whole := digits()
	ok := whole > 0 && whole <= 19 && (whole == 1 || v[0] != '0') // 19: nanoseconds
	if v = v[whole:]; ok && len(v) > 0 {
		ok = v[0] == '.'
		v = v[1:]
		n := digits()
		ok = ok && n > 0 && n == len(v)
	}
	if !ok {
		return errors.New("not a number of seconds, such as 1793491200.250")
	}
	return nil
}

// checkFlat wants an object of scalars and lists of scalars. The value is
// known to be JSON.
func checkFlat(v []byte) error {
	if v[0] != '{' {
		return errors.New("not an object")
	}
	return audit.Members(v, func(name, val []byte) error {
		if val[0] == '{' || val[0] == '[' && nested(val) {
			return fmt.Errorf("the field %.60q is nested; Splunk takes texts, numbers and lists of them", name)
		}
		return nil
	})
}

// nested reports whether a list holds a list or an object.
func nested(list []byte) bool {
	inText := false
	for i := 1; i < len(list); i++ {
		switch c := list[i]; {
		case inText && c == '\\':
			i++
		case c == '"':
			inText = !inText
		case !inText && (c == '[' || c == '{'):
			return true
		}
	}
	return false
}
