package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

// exampleHead opens the example file. It must stay true of what WriteExample
// writes: TestExampleLoads holds that.
const exampleHead = `# Configuration of auditlog-forwarder.
#
# First come the few keys that most users set, then, below a line, all others.
# Lines that begin with "# " explain. Lines that begin with "#" and a key show
# the default or an example; take the "#" away to set the key. What stands
# without "#" has to be given.
#
# The two secrets, kafka.sasl.password and hec.token, do not belong here. Give
# each of them in one of these ways:
#   - a systemd credential named kafka_sasl_password or hec_token (LoadCredential=)
#   - a file, named by kafka.sasl.password_file or hec.token_file; it is read
#     again when it changes
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

// exampleRest divides the few keys from the many.
const exampleRest = `
# ------------------------------------------------------------------------------
# Everything else, with its default or, where that is empty, an example. Nothing
# here has to be set. docs/configuration.md says all about each key.
#
# A key may stand here under its whole name, or in its section above: not both.
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
		nest := nesting{open: []string{s.name}}
		for i, k := range onlyMain(s.keys, true) {
			if i == 0 {
				fmt.Fprintf(&out, "\n%s%s:\n", comment("", s.doc), s.name)
			}
			out.WriteByte('\n')
			nest.enter(&out, k.Name)
			doc := k.Doc
			if a := k.allowed(); a != "" {
				doc += " Allowed: " + a + "."
			}
			mark := "#"
			if k.Required {
				mark = ""
			}
			fmt.Fprintf(&out, "%s%s%s%s: %s\n", comment(nest.indent(), plain(doc)), nest.indent(), mark, nest.leaf, k.exampleYAML(defaults))
		}
	}
	out.WriteString(exampleRest)
	group := ""
	for _, s := range sections() {
		for _, k := range onlyMain(s.keys, false) {
			if title := cmp.Or(k.Group, s.title()); title != group {
				group = title
				fmt.Fprintf(&out, "\n# ---- %s\n", title)
			}
			doc := k.summary() + "."
			if a := k.allowed(); a != "" {
				doc += " Allowed: " + a + "."
			}
			fmt.Fprintf(&out, "\n%s#%s: %s\n", comment("", plain(doc)), k.Name, k.exampleYAML(defaults))
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// onlyMain returns the keys for one part of the example. Secrets are in none:
// a file that people copy must not ask for them.
func onlyMain(keys []Key, main bool) []Key {
	return slices.DeleteFunc(slices.Clone(keys), func(k Key) bool { return k.Secret || k.Main != main })
}

// plain drops the marks of Markdown.
func plain(text string) string { return strings.ReplaceAll(text, "`", "") }

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
