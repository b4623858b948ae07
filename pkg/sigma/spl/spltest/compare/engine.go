package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"auditlog-forwarder/pkg/sigma"
	"auditlog-forwarder/pkg/sigma/spl/spltest"
)

// absent stands in the engine's columns for a field that an event does not
// have: of a column without a value it makes an error, not a false.
const absent = "(absent)"

// question is a rule as the engine is asked it.
type question struct {
	rule   *sigma.Rule
	search string
	paths  []string // the fields that the rule asks for
	unfit  string   // why the engine cannot be asked
}

// questions makes the engine's searches. Its fields are columns with plain
// names, so that data.methodName becomes f1.
func questions() (list []question, columns map[string]string, err error) {
	all, err := rules()
	if err != nil {
		return nil, nil, err
	}
	columns = map[string]string{}
	for _, r := range all {
		own, err := ours(r)
		if err != nil {
			return nil, nil, err
		}
		q := question{rule: r, paths: pathsOf(r)}
		for _, p := range q.paths {
			if columns[p] == "" {
				columns[p] = "f" + strconv.Itoa(len(columns)+1)
			}
		}
		switch {
		case strings.Contains(own, "mvfilter") || strings.Contains(own, "mvmap"):
			q.unfit = "mvfilter, which it does not know"
		case regexp.MustCompile(`="?\*"?(?:[ )]|$)|isnull`).MatchString(own):
			q.unfit = "whether a field is there, which its columns do not tell"
		}
		withCase(r)
		q.search = "index=audit | search " + plain(own, q.paths, columns)
		list = append(list, q)
	}
	return list, columns, nil
}

// plain writes the names of columns for those of fields, and field=a OR field=b
// for field IN (a, b), which is the same to Splunk and which the engine's search
// command does not know.
func plain(search string, paths []string, columns map[string]string) string {
	list := regexp.MustCompile(`("[^"]+"|[^\s()"]+) IN \(((?:"(?:[^"\\]|\\.)*"(?:, )?)+)\)`)
	text := regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
	search = list.ReplaceAllStringFunc(search, func(in string) string {
		m := list.FindStringSubmatch(in)
		var parts []string
		for _, v := range text.FindAllString(m[2], -1) {
			parts = append(parts, m[1]+"="+v)
		}
		return "(" + strings.Join(parts, " OR ") + ")"
	})
	paths = slices.Clone(paths)
	slices.SortFunc(paths, func(a, b string) int { return len(b) - len(a) })
	for _, p := range paths {
		search = strings.ReplaceAll(search, `"`+p+`"`, columns[p])
		search = strings.ReplaceAll(search, "'"+p+"'", "'"+columns[p]+"'")
		for _, before := range []string{" ", "("} {
			search = strings.ReplaceAll(search, before+p+"=", before+columns[p]+"=")
			search = strings.ReplaceAll(search, before+p+">", before+columns[p]+">")
			search = strings.ReplaceAll(search, before+p+"<", before+columns[p]+"<")
		}
	}
	return search
}

func pathsOf(r *sigma.Rule) []string {
	var out []string
	for _, s := range r.Detection.Searches {
		tests(s.Expr, func(t *sigma.Test) { out = append(out, t.Path.String()) })
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// writeForEngine writes events and searches for Engine.java.
func writeForEngine(dir string) error {
	list, columns, err := questions()
	if err != nil {
		return err
	}
	events, err := numbered()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Join(dir, "events"), 0o755); err != nil {
		return err
	}
	var lines, searches strings.Builder
	for i, e := range events {
		row := map[string]any{
			"id": i, "index": e.Index, "sourcetype": e.Sourcetype, "source": "s", "host": "h", "_raw": "",
			"_time": time.Now().UTC().Format(time.RFC3339), // the engine looks back from now
		}
		fields := spltest.Extract(e.Raw, 0)
		for path, column := range columns {
			row[column] = absent
			if len(fields[path]) > 0 {
				row[column] = fields[path][0] // with more, the event is not compared
			}
		}
		line, err := json.Marshal(row)
		if err != nil {
			return err
		}
		lines.Write(append(line, '\n'))
	}
	for _, q := range list {
		searches.WriteString(q.search + "\n")
	}
	if err := os.WriteFile(filepath.Join(dir, "events", "events.json"), []byte(lines.String()), 0o644); err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "searches.txt"), []byte(searches.String()), 0o644)
}

// compareEngine compares what the engine found with the stream, which is asked
// with case, too.
func compareEngine(out io.Writer, dir string) error {
	list, _, err := questions()
	if err != nil {
		return err
	}
	events, err := numbered()
	if err != nil {
		return err
	}
	file, err := os.Open(filepath.Join(dir, "found.txt"))
	if err != nil {
		return err
	}
	defer file.Close() //nolint:errcheck // it is only read
	answers := bufio.NewScanner(file)
	answers.Buffer(nil, 1<<20)
	var wrong []error
	asked, compared := 0, 0
	skipped := map[string]int{}
	for _, q := range list {
		if !answers.Scan() {
			return fmt.Errorf("%s: the engine gave no answer", q.rule.Title)
		}
		line := answers.Text()
		switch {
		case q.unfit != "":
			_, err = fmt.Fprintf(out, "%-45s not asked: %s\n", q.rule.Title, q.unfit)
		case strings.HasPrefix(line, "!"):
			wrong = append(wrong, fmt.Errorf("%s: the engine does not run it: %s\n%s", q.rule.Title, line[1:], q.search))
		default:
			asked++
			matching, n, differ := q.compare(events, line, skipped)
			compared += n
			wrong = append(wrong, differ...)
			_, err = fmt.Fprintf(out, "%-45s %4d of %d found, %d differ\n", q.rule.Title, matching, n, len(differ))
		}
		if err != nil {
			return err
		}
	}
	for reason, n := range skipped {
		if _, err := fmt.Fprintf(out, "\n%d answers are not compared: %s\n", n, reason); err != nil {
			return err
		}
	}
	if len(wrong) > 0 {
		return fmt.Errorf("%d differences:\n%w", len(wrong), errors.Join(wrong[:min(len(wrong), 20)]...))
	}
	_, err = fmt.Fprintf(out, "\n%d of %d rules, %d answers: no other difference\n", asked, len(list), compared)
	return err
}

func (q *question) compare(events []spltest.Event, line string, skipped map[string]int) (matching, n int, wrong []error) {
	engine := make([]bool, len(events))
	for word := range strings.FieldsSeq(line) {
		if i, err := strconv.Atoi(word); err == nil && i < len(events) {
			engine[i] = true
		}
	}
	want, err := stream(q.rule, events)
	if err != nil {
		return 0, 0, []error{err}
	}
	for i, e := range events {
		if reason := q.beyond(e.Raw); reason != "" {
			skipped[reason]++
			continue
		}
		n++
		if want[i] {
			matching++
		}
		if want[i] != engine[i] {
			wrong = append(wrong, fmt.Errorf("%s: the stream says %v, the engine %v: %.300s", q.rule.Title, want[i], engine[i], e.Raw))
		}
	}
	return matching, n, wrong
}

// beyond names why the engine's answer for an event says nothing.
func (q *question) beyond(raw []byte) string {
	fields := spltest.Extract(raw, 0)
	for _, path := range q.paths {
		if len(fields[path]) > 1 {
			return "a field has several values; the engine's columns have one"
		}
	}
	return ""
}

// withCase asks a rule's questions with case, as the engine does.
func withCase(r *sigma.Rule) {
	for _, s := range r.Detection.Searches {
		tests(s.Expr, func(t *sigma.Test) { t.Cased = t.Cased || t.Op == sigma.Match })
	}
}
