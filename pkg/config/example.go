package config

import (
	"bytes"
	"fmt"
	"io"
	"strings"
)

// exampleHead opens the example file. It must stay true of what WriteExample
// writes: TestExampleLoads holds that.
const exampleHead = `# Configuration of auditlog-forwarder.
#
# Lines that begin with "# " explain. Lines that begin with "#" and a key show
# the default or an example; take the "#" away to set the key. What stands
# without "#" has to be given.
#
# The two secrets, kafka.sasl.password and hec.token, do not belong here. Give
# each of them in one of these ways:
#   - a systemd credential named kafka_sasl_password or hec_token (LoadCredential=)
#   - a file, named by kafka.sasl.password_file or hec.token_file
#   - the environment, AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD or
#     AUDITLOG_FORWARDER_HEC_TOKEN
# With these two given, this file is valid as it is. See what is in effect, and
# where each value comes from, with: auditlog-forwarder config print
#
# Every key can be set by an environment variable as well, and every key that
# is no secret by a flag; flags win over the environment, and the environment
# wins over this file. Durations have units (500ms, 30s, 1m30s), bytes may have
# them (512KiB, 5MiB, 64KB).
`

// commentWidth is where explanations are wrapped.
const commentWidth = 88

// WriteExample writes a commented configuration file. With the two secrets
// given by other means it loads as it is, and then equals the defaults but
// for the placeholders of the required keys.
func WriteExample(w io.Writer) error {
	var out bytes.Buffer
	out.WriteString(exampleHead)
	defaults := Defaults()
	for _, s := range sections() {
		fmt.Fprintf(&out, "\n%s%s:\n", comment("", s.doc), s.name)
		nest := nesting{open: []string{s.name}}
		for _, k := range s.keys {
			if k.Secret {
				continue
			}
			out.WriteByte('\n')
			nest.enter(&out, k.Name)
			doc := k.Doc
			if a := k.allowed(); a != "" {
				doc += " Allowed: " + a + "."
			}
			out.WriteString(comment(nest.indent(), strings.ReplaceAll(doc, "`", "")))
			mark := "#"
			if k.Required {
				mark = ""
			}
			fmt.Fprintf(&out, "%s%s%s: %s\n", nest.indent(), mark, nest.leaf, k.exampleYAML(defaults))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// exampleYAML shows the default, or the example if the default is empty.
func (k Key) exampleYAML(defaults Config) string {
	if v, ok := defaults.value(k.Name); ok && !k.Required {
		if text := k.text(v); text != "" {
			return k.yaml(v)
		}
	}
	return k.exampleText()
}

// comment wraps a text into comment lines.
func comment(indent, text string) string {
	var b strings.Builder
	line := indent + "#"
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > commentWidth && line != indent+"#" {
			b.WriteString(line + "\n")
			line = indent + "#"
		}
		line += " " + word
	}
	b.WriteString(line + "\n")
	return b.String()
}
