package alerts

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// redacted stands for a secret value where it is only shown.
const redacted = "[redacted]"

// Redact returns the stanzas with a word in place of secret values, to be shown.
func Redact(stanzas []Stanza) []Stanza {
	shown := make([]Stanza, len(stanzas))
	for i, s := range stanzas {
		shown[i] = Stanza{Name: s.Name, Settings: make([]Setting, len(s.Settings))}
		for j, setting := range s.Settings {
			if setting.Secret && setting.Value != "" {
				setting.Value = redacted
			}
			shown[i].Settings[j] = setting
		}
	}
	return shown
}

// WriteConf writes stanzas as a configuration file of Splunk's. A line end
// within a value has a backslash before it. What such a file cannot hold is an
// error: Splunk would read something else.
func WriteConf(w io.Writer, stanzas []Stanza) error {
	var b bytes.Buffer
	for i, s := range stanzas {
		if s.Name == "" || strings.ContainsAny(s.Name, "]\r\n") {
			return fmt.Errorf("the stanza %q cannot be written to a .conf file: its name is empty, or has ] or a line end", s.Name)
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "[%s]\n", s.Name)
		for _, setting := range s.Settings {
			if err := setting.writable(); err != nil {
				return fmt.Errorf("%s in [%s] cannot be written to a .conf file: %w", setting.Key, s.Name, err)
			}
			fmt.Fprintf(&b, "%s = %s\n", setting.Key, strings.ReplaceAll(setting.Value, "\n", "\\\n"))
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (s Setting) writable() error {
	lines := strings.Split(s.Value, "\n")
	for i, line := range lines {
		switch {
		case strings.ContainsAny(line, "\r\x00"):
			return fmt.Errorf("its value has a carriage return or a null character in line %d", i+1)
		case strings.HasSuffix(line, `\`):
			return fmt.Errorf(`line %d of its value ends with a backslash, which would join it to the next one`, i+1)
		}
	}
	if strings.TrimSpace(s.Value) != s.Value {
		return fmt.Errorf("its value begins or ends with blanks, which are not kept")
	}
	if s.Key == "" || strings.ContainsAny(s.Key, "=\r\n") || strings.HasPrefix(s.Key, "#") || strings.HasPrefix(s.Key, "[") {
		return fmt.Errorf("it is no key")
	}
	return nil
}
