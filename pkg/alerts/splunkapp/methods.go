package splunkapp

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"io/fs"
	"slices"
)

// method is a row of the lookup of methods.
type method struct {
	name     string
	activity string // change, read, authentication, authorization, data, access, system
	action   string // of the Common Information Model
	area     string // of a change: account, aaa, network, audit or none
}

const methodsFile = "lookups/confluent_audit_methods.csv"

// readMethods reads the lookup. What the event types and calculated fields say
// of methods comes from it, so that they and the lookup are never at odds.
func readMethods(from fs.FS) ([]method, error) {
	text, err := fs.ReadFile(from, methodsFile)
	if err != nil {
		return nil, err
	}
	rows, err := csv.NewReader(bytes.NewReader(text)).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", methodsFile, err)
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("read %s: it is empty", methodsFile)
	}
	column := map[string]int{}
	for _, name := range []string{"method", "activity", "action", "area"} {
		at := slices.Index(rows[0], name)
		if at < 0 {
			return nil, fmt.Errorf("read %s: no column %q", methodsFile, name)
		}
		column[name] = at
	}
	all := make([]method, 0, len(rows)-1)
	for _, row := range rows[1:] {
		all = append(all, method{
			name: row[column["method"]], activity: row[column["activity"]],
			action: row[column["action"]], area: row[column["area"]],
		})
	}
	return all, nil
}

// names are those of the methods for which the question is true.
func names(all []method, question func(method) bool) (found []string) {
	for _, m := range all {
		if question(m) {
			found = append(found, m.name)
		}
	}
	return found
}
