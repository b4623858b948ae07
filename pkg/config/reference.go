package config

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
)

const referenceHead = `# Configuration

<!-- Generated from the table of keys in pkg/config; do not edit.
     After a change there: go test ./pkg/config -run Current -update -->

Start with ` + "`auditlog-forwarder config init`" + `, which writes a commented file (the same as
[auditlog-forwarder.example.yaml](../config/auditlog-forwarder.example.yaml)). It is valid as it is
once the two secrets are given by other means, for example by the environment:

` + "```" + `
auditlog-forwarder config init config.yaml
AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD=… AUDITLOG_FORWARDER_HEC_TOKEN=… \
  auditlog-forwarder config print --config config.yaml
` + "```" + `

## Where values come from

From the lowest precedence to the highest:

1. defaults
2. systemd credentials, for the keys marked below
3. the YAML file: ` + "`--config FILE`" + `, or ` + "`AUDITLOG_FORWARDER_CONFIG`" + `, or ` + "`" + DefaultFile + "`" + ` if it exists
4. environment variables
5. flags

The names follow from the key. ` + "`kafka.group_id`" + ` is the variable
` + "`AUDITLOG_FORWARDER_KAFKA_GROUP_ID`" + ` and the flag ` + "`--kafka.group-id`" + `. An environment variable that is
empty counts as not given.

` + "`auditlog-forwarder config print`" + ` shows every effective value with its origin, secrets redacted;
with ` + "`-o json`" + ` each key is an object with ` + "`value` and `origin`" + `, and with ` + "`refused`" + ` if a value
that was given could not be read.

Nothing unknown is ignored: a key in the file or a variable that begins with ` + "`AUDITLOG_FORWARDER_`" + `
and is none of those below is an error, which names the nearest key. All mistakes are reported at
once, each with the file and line, variable or flag, and with what is allowed.
(The variables that Kubernetes sets for a service called auditlog-forwarder are left alone.)

## How values are written

| type | in YAML | in the environment and in flags |
|---|---|---|
| string | ` + "`text`" + ` | ` + "`text`" + ` |
| list | ` + "`[a, b]`, one item a line, or `a,b`" + `; a list of one is written like a string | ` + "`a,b`" + `; a flag may also be repeated. A comma within double quotes divides nothing |
| duration | ` + "`500ms`, `30s`, `1m30s`" + `; a number without a unit is refused | the same |
| bytes | ` + "`65536`, `512KiB`, `5MiB`, `1GiB` (powers of 1024), `64KB`, `5MB`, `1GB` (powers of 1000)" + ` | the same |
| bool | ` + "`true`, `false`" + ` | the same; a flag without a value is true |
| int | ` + "`1000`" + ` | the same |
| escaped | a string in which ` + "`\\n`, `\\r`, `\\t` and `\\\\`" + ` stand for a line break, a carriage return, a tab and a backslash | the same |

## Secrets

A secret can be given in four ways. It has no flag, since every user of a host can read the command
line of every process.

- a systemd credential (` + "`LoadCredential=hec_token:/path`" + `): found by its name in
  ` + "`$CREDENTIALS_DIRECTORY`" + ` if the secret is given in no other way
- a file, named by the key with ` + "`_file`" + ` at its end; it may be set in the file, the environment or a flag
- the environment, also as a variable that ends in ` + "`_FILE`" + `
- the configuration file; a warning is given if others may read the file

The key itself and its ` + "`_file`" + ` count as one key: the higher source wins, and giving both in the
same source is an error. Line breaks at the end of a secret are ignored. A secret is never printed or
logged.

Files of secrets and of certificates are read again when they change, without a restart:
[operations.md](operations.md#rotate-credentials-without-a-restart) says which and how.

## All keys
`

// WriteReference writes the reference page of all keys, in Markdown.
func WriteReference(w io.Writer) error {
	var out bytes.Buffer
	out.WriteString(referenceHead)
	writeOverview(&out)
	defaults := Defaults()
	for _, s := range sections() {
		fmt.Fprintf(&out, "\n## %s\n\n%s\n", s.name, s.doc)
		for _, k := range s.keys {
			fmt.Fprintf(&out, "\n### %s\n\n%s\n\n", k.Name, strings.ReplaceAll(k.Doc, "<", "&lt;"))
			facts := []string{"type: " + k.Kind.String()}
			v, ok := defaults.value(k.Name)
			switch {
			case k.Required:
				facts = append(facts, "default: none, must be given")
			case !ok || k.text(v) == "":
				facts = append(facts, "default: empty")
			default:
				facts = append(facts, "default: `"+k.yaml(v)+"`")
			}
			if a := k.allowed(); a != "" {
				facts = append(facts, "allowed: "+a)
			}
			if k.Example != "" && (!ok || k.text(v) != k.Example) {
				facts = append(facts, "example: `"+k.exampleText()+"`")
			}
			facts = append(facts, "environment: `"+k.Env()+"`")
			if f := k.Flag(); f != "" {
				facts = append(facts, "flag: `--"+f+"`")
			} else {
				facts = append(facts, "flag: none, it is a secret")
			}
			if k.FromFile {
				facts = append(facts, "systemd credential: `"+k.credential()+"`")
			}
			for _, f := range facts {
				fmt.Fprintf(&out, "- %s\n", f)
			}
		}
	}
	_, err := w.Write(out.Bytes())
	return err
}

// writeOverview lists all keys in short, with links.
func writeOverview(out *bytes.Buffer) {
	link := func(k Key) string {
		return fmt.Sprintf("[%s](#%s)", k.Name, strings.ReplaceAll(k.Name, ".", ""))
	}
	var most []string
	for _, k := range Keys() {
		if k.Main {
			most = append(most, link(k))
		}
	}
	fmt.Fprintf(out, "\nMost users set only some of these: %s.\n\n| group | keys |\n|---|---|\n", strings.Join(most, ", "))
	for _, s := range sections() {
		var titles []string
		byTitle := map[string][]string{}
		for _, k := range s.keys {
			title := cmp.Or(k.Group, s.title())
			if !slices.Contains(titles, title) {
				titles = append(titles, title)
			}
			byTitle[title] = append(byTitle[title], link(k))
		}
		for _, title := range titles {
			fmt.Fprintf(out, "| %s | %s |\n", title, strings.Join(byTitle[title], ", "))
		}
	}
}

// exampleText shows the example as it stands in YAML.
func (k Key) exampleText() string {
	v, err := k.parse(k.Example)
	if err != nil { // a mistake in the table; TestTable finds it
		return k.Example
	}
	return k.yaml(v)
}
