package importer

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"time"

	"gopkg.in/yaml.v3"

	"auditlog-forwarder/pkg/config"
)

// YAML writes the configuration, with a comment for each value that says
// where it comes from. There is no secret in it.
func (r *Result) YAML() []byte {
	var out bytes.Buffer
	out.WriteString("# Configuration of auditlog-forwarder, made of another one.\n# docs/configuration.md says all about each key.\n")
	var open []string
	for _, k := range config.Keys() {
		s, ok := r.settings[k.Name]
		missing := slices.IndexFunc(r.Missing, func(m Missing) bool { return m.Key == k.Name })
		if !ok && missing < 0 {
			continue
		}
		path := strings.Split(k.Name, ".")
		sections, leaf := path[:len(path)-1], path[len(path)-1]
		common := 0
		for common < min(len(open), len(sections)) && open[common] == sections[common] {
			common++
		}
		if !ok { // a comment alone must not open a section, which would be empty
			m := r.Missing[missing]
			name := k.Name
			if m.Secret {
				name = fileKeyOf(k.Name)
			}
			fmt.Fprintf(&out, "%s# to be filled in: %s (%s)\n", strings.Repeat("  ", common), name, oneLine(m.Text))
			continue
		}
		if common == 0 {
			out.WriteByte('\n')
		}
		for i := common; i < len(sections); i++ {
			fmt.Fprintf(&out, "%s%s:\n", strings.Repeat("  ", i), sections[i])
		}
		open = slices.Clone(sections)
		indent := strings.Repeat("  ", len(sections))
		for _, line := range []string{strings.Join(s.from, ", "), s.note} {
			if line != "" {
				fmt.Fprintf(&out, "%s# %s\n", indent, oneLine(line))
			}
		}
		fmt.Fprintf(&out, "%s%s: %s\n", indent, leaf, yamlValue(s.value))
	}
	return out.Bytes()
}

// oneLine keeps what came from elsewhere within its comment.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 || r == 0xfeff || r == 0xfffd {
			return ' '
		}
		return r
	}, s)
}

// yamlValue writes one value on one line.
func yamlValue(v any) string {
	switch v := v.(type) {
	case []string:
		parts := make([]string, len(v))
		for i, s := range v {
			parts[i] = yamlText(s, true)
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case string:
		return yamlText(v, false)
	case time.Duration:
		return shortDuration(v)
	default:
		return fmt.Sprint(v)
	}
}

// yamlText quotes a text where it has to be.
func yamlText(s string, inList bool) string {
	n := yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: s}
	if strings.ContainsAny(s, "\n\r\t") || inList && strings.ContainsAny(s, ",[]{}:#\"'<>=") {
		n.Style = yaml.DoubleQuotedStyle
	}
	data, err := yaml.Marshal(&n)
	text := strings.TrimRight(string(data), "\n")
	if err != nil || strings.Contains(text, "\n") { // too long for a line, or no UTF-8
		return fmt.Sprintf("%+q", s)
	}
	return text
}
