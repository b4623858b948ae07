package importer

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes all that is known about properties as tables in
// Markdown: those of docs/connect.md.
func WriteReference(w io.Writer) error {
	var b strings.Builder
	for _, t := range append(tables(), table{"The producer", "with `producer.` or `producer.override.` before it; only with a dead-letter topic.", producerRules()}) {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n| property | here | |\n|---|---|---|\n", t.title, strings.ToUpper(t.about[:1])+t.about[1:])
		for _, r := range joined(t.rules) {
			fmt.Fprintf(&b, "| %s | %s | %s |\n", r.names, r.what, strings.ReplaceAll(r.text, "{}", "kafka"))
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, strings.TrimSuffix(b.String(), "\n"))
	return err
}

// row is one or more rules that say the same.
type row struct{ names, what, text string }

func joined(rules []rule) (rows []row) {
	for _, r := range rules {
		r = r.with("kafka")
		what := map[Verdict]string{NotNeeded: "not needed", NotSupported: "**not supported**", FillIn: "to be filled in", Translated: ""}[r.verdict]
		if r.verdict == Translated {
			what = "`" + strings.Join(r.keys, "`, `") + "`"
		}
		name := "`" + strings.Replace(r.name, "*", "…", 1) + "`"
		if n := len(rows) - 1; n >= 0 && r.text != "" && rows[n].what == what && rows[n].text == r.text {
			rows[n].names += ", " + name
			continue
		}
		rows = append(rows, row{names: name, what: what, text: r.text})
	}
	return rows
}
