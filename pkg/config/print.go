package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
)

// The formats of [Loaded.Print].
const (
	PrintYAML = "yaml"
	PrintJSON = "json"
)

// Print writes the effective configuration with the origin of every value and
// with secrets redacted: as YAML with comments, or as JSON in which every key
// is an object with value and origin.
func (l *Loaded) Print(w io.Writer, format string) error {
	var out bytes.Buffer
	switch format {
	case PrintYAML:
		l.printYAML(&out)
	case PrintJSON:
		if err := l.printJSON(&out); err != nil {
			return err
		}
	default:
		return fmt.Errorf("format %q is unknown; allowed are %s and %s", format, PrintYAML, PrintJSON)
	}
	_, err := w.Write(out.Bytes())
	return err
}

func (l *Loaded) printYAML(out *bytes.Buffer) {
	nest := nesting{}
	for _, k := range Keys() {
		v, ok := l.value(k.Name)
		if !ok {
			continue // a _file key: what it named is part of the origin
		}
		nest.enter(out, k.Name)
		origin := l.Origin(k.Name)
		if refused := l.Refused(k.Name); refused != "" {
			origin += "; " + refused + " was refused"
		}
		fmt.Fprintf(out, "%s%s: %s # %s\n", nest.indent(), nest.leaf, k.yaml(v), oneLine(origin))
	}
}

func (l *Loaded) printJSON(out *bytes.Buffer) error {
	type origin struct {
		Value   any    `json:"value"`
		Origin  string `json:"origin"`
		Refused string `json:"refused,omitempty"`
	}
	tree := map[string]any{}
	for _, k := range Keys() {
		v, ok := l.value(k.Name)
		if !ok {
			continue
		}
		if k.Kind == Duration {
			v = k.text(v)
		}
		plant(tree, strings.Split(k.Name, "."), origin{Value: v, Origin: l.Origin(k.Name), Refused: l.Refused(k.Name)})
	}
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(tree)
}

// nesting writes the lines of the sections around each key, once each.
type nesting struct {
	open []string // the sections around the key written last
	leaf string   // last part of its name
}

// enter writes the sections that begin with this key.
func (n *nesting) enter(out *bytes.Buffer, key string) {
	parts := strings.Split(key, ".")
	around := parts[:len(parts)-1]
	same := 0
	for same < min(len(around), len(n.open)) && around[same] == n.open[same] {
		same++
	}
	for i := same; i < len(around); i++ {
		fmt.Fprintf(out, "%s%s:\n", strings.Repeat("  ", i), around[i])
	}
	n.open, n.leaf = around, parts[len(parts)-1]
}

func (n *nesting) indent() string { return strings.Repeat("  ", len(n.open)) }

// oneLine keeps a path with a line break inside one comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029' {
			return '?'
		}
		return r
	}, s)
}
