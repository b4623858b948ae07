package splunkapp_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestViewHead(t *testing.T) {
	t.Parallel()
	for _, v := range readViews(t) {
		if v.Version != "2" || v.Theme != "light" {
			t.Errorf("%s: version %q and theme %q, want 2 and light", v.path, v.Version, v.Theme)
		}
		if v.Label != v.Title || v.Title == "" {
			t.Errorf("%s: the label is %q and the definition's title %q; Splunk shows both", v.path, v.Label, v.Title)
		}
		if v.Description != v.studio.Description {
			t.Errorf("%s: the description is %q outside and %q inside", v.path, v.Description, v.studio.Description)
		}
		if !strings.Contains(string(v.Defaults), `"$global_time.earliest$"`) || !strings.Contains(string(v.Defaults), `"$global_time.latest$"`) {
			t.Errorf("%s: the searches do not take their time from the input: %s", v.path, v.Defaults)
		}
		if got := v.Inputs["input_time"]; got.Type != "input.timerange" || got.Options.Token != "global_time" || got.Options.DefaultValue != "-24h@h,now" {
			t.Errorf("%s: the time is %+v, want the last 24 hours in global_time", v.path, got)
		}
	}
}

func TestViewDataSources(t *testing.T) {
	t.Parallel()
	for _, v := range readViews(t) {
		used := map[string]bool{}
		name := func(by string, sources map[string]string) {
			for _, id := range sources {
				if _, ok := v.DataSources[id]; !ok {
					t.Errorf("%s: %s names the data source %s, which there is not", v.path, by, id)
				}
				used[id] = true
			}
		}
		for id, viz := range v.Visualizations {
			if len(viz.DataSources) == 0 && viz.Type != "splunk.markdown" {
				t.Errorf("%s: %s has no data source", v.path, id)
			}
			name(id, viz.DataSources)
		}
		for id, in := range v.Inputs {
			name(id, in.DataSources)
		}
		for id, ds := range v.DataSources {
			if ds.Options.Extend != "" {
				name(id, map[string]string{"extend": ds.Options.Extend})
			}
		}
		for _, id := range sorted(v.DataSources) {
			ds := v.DataSources[id]
			if !used[id] {
				t.Errorf("%s: nothing uses the data source %s", v.path, id)
			}
			switch ds.Type {
			case "ds.search":
				if !strings.HasPrefix(ds.Options.Query, "`confluent_audit_events`") && !strings.HasPrefix(ds.Options.Query, "`confluent_audit_heartbeats`") {
					t.Errorf("%s: %s does not begin with a macro of ours: %s", v.path, id, ds.Options.Query)
				}
				if ds.Options.Refresh == "" || ds.Options.RefreshType != "delay" || ds.Options.Extend != "" {
					t.Errorf("%s: %s: refresh %q by %q, extends %q", v.path, id, ds.Options.Refresh, ds.Options.RefreshType, ds.Options.Extend)
				}
			case "ds.chain":
				if !strings.HasPrefix(ds.Options.Query, "| ") || v.DataSources[ds.Options.Extend].Type != "ds.search" {
					t.Errorf("%s: %s must extend a search by a pipe: it extends %q by %s", v.path, id, ds.Options.Extend, ds.Options.Query)
				}
			default:
				t.Errorf("%s: %s is a %s", v.path, id, ds.Type)
			}
		}
	}
}

// TestViewSearchesAreFew holds what a dashboard costs: all panels live of a
// handful of searches.
func TestViewSearchesAreFew(t *testing.T) {
	t.Parallel()
	for _, v := range readViews(t) {
		n := 0
		for _, ds := range v.DataSources {
			if ds.Type == "ds.search" {
				n++
			}
		}
		if n == 0 || n > 3 {
			t.Errorf("%s: %d searches, want at most 3", v.path, n)
		}
	}
}

func TestViewMacros(t *testing.T) {
	t.Parallel()
	defined := []string{"confluent_audit_events", "confluent_audit_heartbeats"}
	for name := range readMacros(t) {
		defined = append(defined, name)
	}
	macro := regexp.MustCompile("`([^`]*)`")
	place := regexp.MustCompile(`(?i)\b(index|sourcetype|host)\s*=`)
	seen := map[string]bool{}
	for _, v := range readViews(t) {
		for id, text := range v.searches() {
			if strings.Count(text, "`")%2 != 0 {
				t.Errorf("%s: %s: a backtick is not closed: %s", v.path, id, text)
			}
			for _, m := range macro.FindAllStringSubmatch(text, -1) {
				seen[m[1]] = true
				if !slices.Contains(defined, m[1]) {
					t.Errorf("%s: %s: there is no macro %s", v.path, id, m[1])
				}
			}
			if found := place.FindString(text); found != "" {
				t.Errorf("%s: %s: %q; where events are belongs into the macros", v.path, id, found)
			}
		}
	}
	for _, name := range defined {
		if !seen[name] {
			t.Errorf("no dashboard uses the macro %s", name)
		}
	}
}

func TestViewLayout(t *testing.T) {
	t.Parallel()
	const width = 1200 // of a grid, where no option says otherwise
	for _, v := range readViews(t) {
		if len(v.Layout.Tabs.Items) != 1 || len(v.Layout.LayoutDefinitions) != 1 {
			t.Fatalf("%s: %d tabs and %d layouts, want one", v.path, len(v.Layout.Tabs.Items), len(v.Layout.LayoutDefinitions))
		}
		grid := v.Layout.LayoutDefinitions[v.Layout.Tabs.Items[0].LayoutID]
		if grid.Type != "grid" {
			t.Errorf("%s: the layout of the tab is %q", v.path, grid.Type)
		}
		var placed []string
		area, bottom := 0, 0
		for i, b := range grid.Structure {
			placed = append(placed, b.Item)
			p := b.Position
			if p.X < 0 || p.Y < 0 || p.W <= 0 || p.H <= 0 || p.X+p.W > width || b.Type != "block" {
				t.Errorf("%s: %s is outside of the grid: %+v", v.path, b.Item, b)
			}
			for _, o := range grid.Structure[:i] {
				if b.overlaps(o) {
					t.Errorf("%s: %s lies over %s", v.path, b.Item, o.Item)
				}
			}
			area += p.W * p.H
			bottom = max(bottom, p.Y+p.H)
		}
		if area != width*bottom {
			t.Errorf("%s: there are holes between the panels: they fill %d of %d", v.path, area, width*bottom)
		}
		slices.Sort(placed)
		if all := sorted(v.Visualizations); !slices.Equal(placed, all) {
			t.Errorf("%s: placed are %v, there are %v", v.path, placed, all)
		}
		if all, given := sorted(v.Inputs), slices.Sorted(slices.Values(v.Layout.GlobalInputs)); !slices.Equal(all, given) {
			t.Errorf("%s: inputs shown are %v, there are %v", v.path, given, all)
		}
	}
}

func TestViewTokens(t *testing.T) {
	t.Parallel()
	pattern := regexp.MustCompile(`\$([^$]+)\$`)
	for _, v := range readViews(t) {
		given := map[string]bool{} // whether something uses it
		for _, in := range v.Inputs {
			given[in.Options.Token] = in.Type == "input.timerange"
		}
		for id, text := range v.searches() {
			if strings.Count(text, "$")%2 != 0 {
				t.Errorf("%s: %s: a dollar sign that is no token: %s", v.path, id, text)
			}
			for _, m := range pattern.FindAllStringSubmatch(text, -1) {
				token, quoted := strings.CutSuffix(m[1], "|s")
				name, rest, _ := strings.Cut(token, ".")
				if !quoted && name != "global_time" {
					t.Errorf("%s: %s: $%s$ puts a value into a search without |s, which quotes it", v.path, id, m[1])
				}
				_, ok := given[name]
				switch {
				case name == "row":
					column, _ := strings.CutSuffix(rest, ".value")
					if err := v.column(id, column); err != nil {
						t.Errorf("%s: %s: $%s$: %v", v.path, id, m[1], err)
					}
				case !ok:
					t.Errorf("%s: %s: no input gives $%s$", v.path, id, m[1])
				default:
					given[name] = true
				}
			}
		}
		for _, name := range sorted(given) {
			if !given[name] {
				t.Errorf("%s: nothing uses the token %s", v.path, name)
			}
		}
	}
}

// column reports whether the rows of a visualization have a column.
func (v view) column(viz, name string) error {
	query := v.query(v.Visualizations[viz].DataSources["primary"])
	commands := strings.Split(query, "\n| ")
	for _, c := range slices.Backward(commands) {
		words := strings.FieldsFunc(c, func(r rune) bool { return r == ' ' || r == ',' })
		if words[0] != "table" && words[0] != "stats" {
			continue
		}
		if slices.Contains(words[1:], name) {
			return nil
		}
		return fmt.Errorf("the rows have no column %s: %s", name, c)
	}
	return fmt.Errorf("no command names the columns: %s", query)
}

// TestViewSaysWhenEmpty holds that a table without rows says so in words.
func TestViewSaysWhenEmpty(t *testing.T) {
	t.Parallel()
	for _, v := range readViews(t) {
		for id, viz := range v.Visualizations {
			if viz.Type != "splunk.table" {
				continue
			}
			query := v.query(viz.DataSources["primary"])
			m := emptyState().FindStringSubmatch(query)
			if m == nil || m[1] != m[2] {
				t.Errorf("%s: %s: nothing says that there is nothing: %s", v.path, id, query)
			} else if err := v.column(id, m[1]); err != nil {
				t.Errorf("%s: %s: %v", v.path, id, err)
			}
		}
	}
}

// emptyState finds the command that adds a row with a sentence where there is none.
func emptyState() *regexp.Regexp {
	return regexp.MustCompile(`\n\| appendpipe \[stats count as none \| where none=0 \| eval (\w+)="[^"]+" \| table (\w+)\]$`)
}
