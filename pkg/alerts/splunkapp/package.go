// Package splunkapp builds the Splunk app confluent_audit_alerts from the
// catalogue of alerts and the templates of config/splunkapp: saved searches,
// macros, field extraction, event types and tags of the Common Information
// Model, lookups, dashboards, and what Splunk wants around them.
package splunkapp

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"path"
	"slices"
	"strings"

	"auditlog-forwarder/config/splunkapp"
	"auditlog-forwarder/pkg/alerts"
)

// ID is the app's name in Splunk and the folder that it lies in.
const ID = alerts.App

// macrosFile has the macros of the dashboards.
const macrosFile = "macros.conf"

// File is a file of the app; Path is below its folder.
type File struct {
	Path string
	Data []byte
}

// Package is the app, ready to be written.
type Package struct {
	Version    string
	Dashboards []string // names of views, in the order of the navigation
	Files      []File   // by path
	Secrets    bool     // whether the addresses of webhooks are in it
}

// Name is what the package's file is called.
func (p *Package) Name() string { return ID + "-" + p.Version + ".tar.gz" }

// Build makes the app of the alerts.
func Build(c *alerts.Catalogue, version string) (*Package, error) {
	if err := CheckVersion(version); err != nil {
		return nil, err
	}
	p := &Package{Version: version}
	views, err := p.addTemplates(splunkapp.FS)
	if err != nil {
		return nil, fmt.Errorf("read the app's templates: %w", err)
	}
	methods, err := readMethods(splunkapp.FS)
	if err != nil {
		return nil, err
	}
	macros, err := fs.ReadFile(splunkapp.FS, macrosFile)
	if err != nil {
		return nil, fmt.Errorf("read the app's templates: %w", err)
	}
	types := eventTypes(methods)
	long, err := longFields(c, append(views, File{Path: macrosFile, Data: macros}), types)
	if err != nil {
		return nil, err
	}
	common, err := commonFields(methods)
	if err != nil {
		return nil, err
	}
	if err := ownFields(c, common); err != nil {
		return nil, err
	}
	if err := p.appendFields(slices.Concat(long, common)); err != nil {
		return nil, err
	}
	p.add("default/data/ui/nav/default.xml", p.navigation())
	saved := c.SavedSearches()
	p.Secrets = slices.ContainsFunc(saved, func(s alerts.Stanza) bool {
		return slices.ContainsFunc(s.Settings, func(set alerts.Setting) bool { return set.Secret && set.Value != "" })
	})
	err = errors.Join(
		p.addConf("savedsearches.conf", saved),
		p.addConf("macros.conf", c.Macros(), "\n", string(macros)),
		p.addConf("eventtypes.conf", types))
	if err != nil {
		return nil, err
	}
	if err := p.addConf("app.conf", appConf(version, p.build())); err != nil { // the last: its build number stands for all others
		return nil, err
	}
	slices.SortFunc(p.Files, func(a, b File) int { return strings.Compare(a.Path, b.Path) })
	return p, nil
}

func (p *Package) add(at string, data []byte) { p.Files = append(p.Files, File{Path: at, Data: data}) }

// addConf adds a configuration file of stanzas, and of more text behind them.
func (p *Package) addConf(name string, stanzas []alerts.Stanza, more ...string) error {
	var text bytes.Buffer
	text.WriteString("# Made by auditlog-forwarder. Change it in local/" + name + ", which an upgrade keeps.\n\n")
	if err := alerts.WriteConf(&text, stanzas); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	for _, s := range more {
		text.WriteString(s)
	}
	p.add("default/"+name, text.Bytes())
	return nil
}

// addTemplates adds the files that are as they are, and returns the views.
func (p *Package) addTemplates(from fs.FS) (views []File, err error) {
	err = fs.WalkDir(from, ".", func(at string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(from, at)
		if err != nil {
			return err
		}
		if at == macrosFile {
			return nil
		}
		if dir, name := path.Split(at); dir == "views/" {
			view, ok := strings.CutSuffix(name, ".xml")
			if !ok {
				return nil
			}
			p.Dashboards = append(p.Dashboards, view)
			views = append(views, File{Path: "default/data/ui/views/" + name, Data: data})
			return nil
		}
		p.add(at, data)
		return nil
	})
	p.Files = append(p.Files, views...)
	return views, err
}

// appendFields writes calculated fields behind props.conf, whose last stanza is
// that of the audit events.
func (p *Package) appendFields(fields []alerts.Setting) error {
	at := slices.IndexFunc(p.Files, func(f File) bool { return f.Path == "default/props.conf" })
	if at < 0 {
		return fmt.Errorf("read the app's templates: there is no default/props.conf")
	}
	var text bytes.Buffer
	text.Write(p.Files[at].Data)
	for _, f := range fields {
		fmt.Fprintf(&text, "%s = %s\n", f.Key, f.Value)
	}
	p.Files[at].Data = text.Bytes()
	return nil
}

// navigation lists the dashboards, the alerts and the search.
func (p *Package) navigation() []byte {
	var text bytes.Buffer
	text.WriteString("<nav search_view=\"search\" color=\"#172B4D\">\n")
	for i, view := range p.Dashboards {
		first := ""
		if i == 0 {
			first = ` default="true"`
		}
		fmt.Fprintf(&text, "  <view name=%q%s/>\n", view, first)
	}
	text.WriteString("  <view name=\"alerts\"/>\n  <view name=\"search\"/>\n</nav>\n")
	return text.Bytes()
}

// build is a number that changes whenever something in the app does. Splunk
// puts it into the addresses of static files, so that no browser shows old ones.
func (p *Package) build() uint32 {
	sum := crc32.NewIEEE()
	for _, f := range p.Files {
		_, _ = fmt.Fprintf(sum, "%s %d %s", f.Path, len(f.Data), f.Data) // a hash takes all
	}
	return sum.Sum32()>>1 + 1 // a positive number of 31 bits
}

func appConf(version string, build uint32) []alerts.Stanza {
	type setting = alerts.Setting
	return []alerts.Stanza{
		{Name: "id", Settings: []setting{{Key: "name", Value: ID}, {Key: "version", Value: version}}},
		{Name: "package", Settings: []setting{{Key: "id", Value: ID}, {Key: "check_for_updates", Value: "0"}}},
		{Name: "install", Settings: []setting{{Key: "is_configured", Value: "0"}, {Key: "build", Value: fmt.Sprint(build)}}},
		{Name: "ui", Settings: []setting{{Key: "is_visible", Value: "1"}, {Key: "label", Value: "Confluent audit alerts"}}},
		{Name: "launcher", Settings: []setting{
			{Key: "author", Value: "auditlog-forwarder"},
			{Key: "description", Value: "Alerts, dashboards and CIM fields for Confluent Cloud audit events"},
			{Key: "version", Value: version},
		}},
	}
}
