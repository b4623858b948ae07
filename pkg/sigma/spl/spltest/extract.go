package spltest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
)

// Extract gives the fields that Splunk's search-time extraction of JSON
// (KV_MODE = json) finds in an event: the path of every text, number, boolean
// and null, with dots, and {} behind the name of an array. Where the text ends
// or is no JSON any more, extraction ends too, and what was found stays. So it does
// at cutoff, if that is not 0.
func Extract(raw []byte, cutoff int) map[string][]string {
	if cutoff > 0 && len(raw) > cutoff {
		raw = raw[:cutoff]
	}
	r := bytes.NewReader(raw)
	x := &extractor{raw: r, dec: json.NewDecoder(r), fields: map[string][]string{}}
	x.dec.UseNumber()
	// Only an object has fields.
	if token, err := x.dec.Token(); err == nil && token == json.Delim('{') {
		_ = x.object("")
	}
	return x.fields
}

type extractor struct {
	raw    *bytes.Reader
	dec    *json.Decoder
	fields map[string][]string
}

func (x *extractor) object(prefix string) error {
	for x.dec.More() {
		name, err := x.dec.Token()
		if err != nil {
			return err
		}
		if err := x.value(prefix + fmt.Sprint(name)); err != nil {
			return err
		}
	}
	_, err := x.dec.Token()
	return err
}

func (x *extractor) value(path string) error {
	token, err := x.dec.Token()
	if err != nil {
		return err
	}
	switch v := token.(type) {
	case json.Delim:
		if v == '{' {
			return x.object(path + ".")
		}
		for x.dec.More() {
			if err := x.value(path + "{}"); err != nil {
				return err
			}
		}
		_, err := x.dec.Token()
		return err
	case nil:
		x.fields[path] = append(x.fields[path], "null")
	case json.Number:
		if x.atEnd() {
			return io.ErrUnexpectedEOF // a number may go on behind the cut
		}
		x.fields[path] = append(x.fields[path], v.String())
	default:
		x.fields[path] = append(x.fields[path], fmt.Sprint(v))
	}
	return nil
}

// atEnd reports whether nothing is left behind the last token.
func (x *extractor) atEnd() bool {
	var next [1]byte
	n, _ := x.dec.Buffered().Read(next[:])
	return n == 0 && x.raw.Len() == 0
}
