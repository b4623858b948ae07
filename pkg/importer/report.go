package importer

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// verdicts in the order in which people need them.
func verdicts() []struct {
	v     Verdict
	title string
} {
	return []struct {
		v     Verdict
		title string
	}{
		{Unknown, "unknown: look these up, nothing was done about them"},
		{NotSupported, "not supported: do this instead"},
		{FillIn, "to be filled in"},
		{Translated, "translated"},
		{NotNeeded, "not needed"},
	}
}

// WriteText writes the report for people.
func (r *Result) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, part := range verdicts() {
		if r.Count(part.v) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%s (%d)\n", part.title, r.Count(part.v))
		table := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
		for _, f := range r.Findings {
			if f.Verdict != part.v {
				continue
			}
			keys := ""
			if part.v != NotNeeded && len(f.Keys) > 0 {
				keys = "-> " + strings.Join(f.Keys, ", ")
			}
			// Names come from files and must not write on the screen as they like.
			_, _ = fmt.Fprintf(table, "  %s\t%s\t%s\n", oneLine(f.Property), keys, plainText(f.Text))
		}
		_ = table.Flush() // into memory
		b.WriteByte('\n')
	}
	list := func(title string, lines []string) {
		if len(lines) == 0 {
			return
		}
		b.WriteString(title + "\n")
		for _, l := range lines {
			b.WriteString("  " + oneLine(l) + "\n")
		}
		b.WriteByte('\n')
	}
	list("mistakes: the configuration is refused until they are mended", r.Mistakes)
	list("warnings", r.Warnings)
	list("notes", r.Notes)
	if len(r.Offsets) > 0 {
		lines := []string{}
		for _, o := range r.Offsets {
			lines = append(lines, strings.TrimSpace(fmt.Sprintf("%s/%d: next offset %d  %s", o.Topic, o.Partition, o.Next, o.Connector)))
		}
		list("offsets of the connector", lines)
	}
	var steps []string
	for i, s := range r.Next {
		steps = append(steps, fmt.Sprintf("%d. %s", i+1, s))
	}
	list("next", steps)
	if len(r.Findings) > 0 {
		fmt.Fprintf(&b, "%d properties: %d translated, %d not needed, %d not supported, %d to be filled in, %d unknown\n",
			len(r.Findings), r.Count(Translated), r.Count(NotNeeded), r.Count(NotSupported), r.Count(FillIn), r.Count(Unknown))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// plainText drops the marks of Markdown.
func plainText(s string) string { return oneLine(strings.ReplaceAll(s, "`", "")) }

// WriteJSON writes the report for programs.
func (r *Result) WriteJSON(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(r)
}
