package spltest

import (
	"fmt"
	"time"
)

// addinfoCommand puts the search's window and time into each row.
func (r *runner) addinfoCommand(words []argWord) error {
	if len(words) > 0 {
		return fmt.Errorf("%q is not understood", words[0].text)
	}
	bound := func(t time.Time, none string) []string {
		if t.IsZero() {
			return []string{none}
		}
		return []string{epoch(t)}
	}
	for _, row := range r.rows {
		row.set("info_min_time", bound(r.window.earliest, "0.000"))
		row.set("info_max_time", bound(r.window.latest, "+Infinity"))
		row.set("info_search_time", []string{epoch(r.window.now)})
	}
	return nil
}
