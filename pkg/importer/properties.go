package importer

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/magiconair/properties"
)

// readProperties reads a Java properties file. It is given to the reader by
// logical lines, so that each property has its line and none that is given
// twice is lost.
func readProperties(path string, data []byte) ([]Document, error) {
	var props []Property
	var notes []string
	note := ""
	lines := logicalLines(data)
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		// Java reads these files byte for byte as ISO 8859-1. $ stands for itself:
		// what is to be replaced, Kafka Connect replaces later.
		loader := properties.Loader{Encoding: properties.ISO_8859_1, DisableExpansion: true}
		set, err := loader.LoadBytes(l.text)
		if err != nil { // the error holds the text
			return nil, fmt.Errorf("line %d is no property; give name=value, with a backslash doubled", l.number)
		}
		for _, name := range set.Keys() {
			value, _ := set.Get(name)
			if n := restOfPEM(value, lines[i+1:]); n > 0 {
				for _, more := range lines[i+1 : i+1+n] {
					value += "\n" + string(more.text)
				}
				i += n
				notes = append(notes, at(path, l.number)+": the PEM goes on over lines without a backslash before them; it was read to its end, while Java ends with the first line")
			}
			props = append(props, Property{Name: strings.TrimSpace(name), Value: value, Where: at(path, l.number)})
		}
		if bytes.ContainsFunc(l.text, func(r rune) bool { return r > 127 }) && set.Len() > 0 {
			note = fmt.Sprintf("%s:%d holds letters beyond ASCII; they were read as Java reads them (ISO 8859-1)", path, l.number)
		}
	}
	if len(props) == 0 {
		return nil, fmt.Errorf("holds no property; give the connector's or the worker's configuration")
	}
	d := document(path, props)
	d.Notes = append(d.Notes, notes...)
	if note != "" {
		d.Notes = append(d.Notes, note)
	}
	return []Document{d}, nil
}

// restOfPEM returns how many of the next lines belong to PEM that a value only
// begins. Read as properties of their own they would show a key.
func restOfPEM(value string, next []logicalLine) (n int) {
	open := strings.Contains(value, "-----BEGIN ") && !strings.Contains(value, "-----END ")
	for i, l := range next {
		switch {
		case bytes.HasPrefix(l.text, []byte("-----BEGIN ")) && !open && n > 0: // the next of a chain
			open = true
		case !open || bytes.HasPrefix(l.text, []byte("-----BEGIN ")):
			return n
		case bytes.HasPrefix(l.text, []byte("-----END ")):
			open, n = false, i+1
		}
	}
	return n
}

// logicalLine is a line with those that go on with it.
type logicalLine struct {
	number int
	text   []byte
}

// logicalLines divides a properties file. A line that ends with an odd number
// of backslashes goes on in the next one; a comment never does.
func logicalLines(data []byte) []logicalLine {
	var lines []logicalLine
	var open *logicalLine
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	number := 0
	for text := range bytes.SplitSeq(data, []byte("\n")) {
		number++
		start := bytes.TrimLeft(text, " \t\f")
		if open == nil {
			if len(start) == 0 || start[0] == '#' || start[0] == '!' {
				continue
			}
			open = &logicalLine{number: number}
		}
		// What follows a backslash begins at its first character that is not blank.
		open.text = append(open.text, start...)
		slashes := len(text) - len(bytes.TrimRight(text, `\`))
		if slashes%2 == 1 {
			open.text = open.text[:len(open.text)-1]
			continue
		}
		lines = append(lines, *open)
		open = nil
	}
	if open != nil {
		lines = append(lines, *open)
	}
	return lines
}
