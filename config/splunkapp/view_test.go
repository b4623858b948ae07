package splunkapp_test

import (
	"encoding/json"
	"encoding/xml"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// view is a dashboard: the XML around it, and the definition within.
type view struct {
	path string

	XMLName     xml.Name `xml:"dashboard"`
	Version     string   `xml:"version,attr"`
	Theme       string   `xml:"theme,attr"`
	Label       string   `xml:"label"`
	Description string   `xml:"description"`
	Definition  string   `xml:"definition"`

	studio
}

// studio is what our dashboards use of Dashboard Studio's definition.
type studio struct {
	Title          string                   `json:"title"`
	Description    string                   `json:"description"`
	Inputs         map[string]input         `json:"inputs"`
	Defaults       json.RawMessage          `json:"defaults"`
	DataSources    map[string]dataSource    `json:"dataSources"`
	Visualizations map[string]visualization `json:"visualizations"`
	Layout         layout                   `json:"layout"`
}

type input struct {
	Type    string `json:"type"`
	Title   string `json:"title"`
	Options struct {
		Items        json.RawMessage `json:"items"`
		DefaultValue string          `json:"defaultValue"`
		Token        string          `json:"token"`
	} `json:"options"`
	DataSources map[string]string `json:"dataSources"`
	Context     json.RawMessage   `json:"context"`
}

type dataSource struct {
	Type    string `json:"type"`
	Name    string `json:"name"`
	Options struct {
		Query       string `json:"query"`
		Extend      string `json:"extend"`
		Refresh     string `json:"refresh"`
		RefreshType string `json:"refreshType"`
	} `json:"options"`
}

type visualization struct {
	Type          string            `json:"type"`
	Title         string            `json:"title"`
	Description   string            `json:"description"`
	DataSources   map[string]string `json:"dataSources"`
	Options       json.RawMessage   `json:"options"`
	Context       json.RawMessage   `json:"context"`
	EventHandlers []struct {
		Type    string `json:"type"`
		Options struct {
			Type     string `json:"type"`
			Query    string `json:"query"`
			Earliest string `json:"earliest"`
			Latest   string `json:"latest"`
			NewTab   bool   `json:"newTab"`
		} `json:"options"`
	} `json:"eventHandlers"`
}

type layout struct {
	GlobalInputs []string `json:"globalInputs"`
	Tabs         struct {
		Items []struct {
			LayoutID string `json:"layoutId"`
			Label    string `json:"label"`
		} `json:"items"`
		Options json.RawMessage `json:"options"`
	} `json:"tabs"`
	LayoutDefinitions map[string]struct {
		Type      string  `json:"type"`
		Structure []block `json:"structure"`
	} `json:"layoutDefinitions"`
}

type block struct {
	Item     string `json:"item"`
	Type     string `json:"type"`
	Position struct{ X, Y, W, H int }
}

// overlaps reports whether two blocks share a place.
func (b block) overlaps(o block) bool {
	p, q := b.Position, o.Position
	return p.X < q.X+q.W && q.X < p.X+p.W && p.Y < q.Y+q.H && q.Y < p.Y+p.H
}

// readViews reads every dashboard; a member that no type above knows is a
// mistake, so that nothing is there that no test looks at.
func readViews(t *testing.T) []view {
	t.Helper()
	paths, err := filepath.Glob("views/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) != 3 {
		t.Fatalf("%d dashboards, want 3: %v", len(paths), paths)
	}
	views := make([]view, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		v := view{path: path}
		if err := xml.Unmarshal(text, &v); err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		dec := json.NewDecoder(strings.NewReader(v.Definition))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&v.studio); err != nil {
			t.Fatalf("%s: the definition: %v", path, err)
		}
		if _, err := dec.Token(); err != io.EOF {
			t.Errorf("%s: behind the definition there is more: %v", path, err)
		}
		views[i] = v
	}
	return views
}

// query is a data source's whole search.
func (v view) query(id string) string {
	ds := v.DataSources[id]
	if ds.Type == "ds.chain" {
		return v.DataSources[ds.Options.Extend].Options.Query + "\n" + ds.Options.Query
	}
	return ds.Options.Query
}

// searches are the texts with SPL and tokens: queries, and where a click leads.
func (v view) searches() map[string]string {
	texts := map[string]string{}
	for id, ds := range v.DataSources {
		texts[id] = ds.Options.Query
	}
	for id, viz := range v.Visualizations {
		for _, h := range viz.EventHandlers {
			texts[id] += h.Options.Query + " " + h.Options.Earliest + " " + h.Options.Latest
		}
	}
	return texts
}

func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
