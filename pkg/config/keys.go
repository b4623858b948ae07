package config

import (
	"slices"
	"strings"
)

// Kind says how the value of a key is written.
type Kind int

// The kinds of values.
const (
	String Kind = iota
	List
	Duration
	Bytes
	Bool
	Int
	Escaped // a string in which \n, \r, \t and \\ stand for what cannot be typed
)

// String names the kind as help and documentation do.
func (k Kind) String() string {
	switch k {
	case List:
		return "list"
	case Duration:
		return "duration"
	case Bytes:
		return "bytes"
	case Bool:
		return "bool"
	case Int:
		return "int"
	case Escaped:
		return "escaped"
	default:
		return "string"
	}
}

// envPrefix begins the name of every environment variable that is read.
const envPrefix = "AUDITLOG_FORWARDER_"

// FileEnv names the environment variable that names the configuration file.
const FileEnv = envPrefix + "CONFIG"

// DefaultFile is the file that is read if none is named and it exists.
const DefaultFile = "/etc/auditlog-forwarder/config.yaml"

// fileSuffix makes the name of the key that names a file out of the name of
// the key whose value the file holds.
const fileSuffix = "_file"

// Key is one row of the table of keys.
type Key struct {
	Name     string   // dotted, such as kafka.sasl.username
	Kind     Kind     // how its value is written
	Doc      string   // whole sentences; the first one is the flag's help
	Example  string   // a valid value, as text
	Min, Max string   // inclusive bounds, as text; empty: none
	Values   []string // the allowed values, or some well-known ones if Open
	Open     bool     // Values are not all
	Required bool     // has no default and must be given; the example sets it
	Secret   bool     // never printed, has no flag
	FromFile bool     // <name>_file may name a file that holds the value
	Main     bool     // one of the few that most users set; the example explains these first
	Group    string   // what it has in common with its neighbours; empty: its section's name
}

// Env returns the name of the key's environment variable.
func (k Key) Env() string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(k.Name, ".", "_"))
}

// Flag returns the name of the key's flag without dashes, or nothing for a
// secret: other users can read a command line in the process list.
func (k Key) Flag() string {
	if k.Secret {
		return ""
	}
	return flagName(k.Name)
}

func flagName(key string) string { return strings.ReplaceAll(key, "_", "-") }

// credential returns the name of the systemd credential that may hold the
// key's value.
func (k Key) credential() string { return strings.ReplaceAll(k.Name, ".", "_") }

// summary returns the first sentence of the documentation.
func (k Key) summary() string {
	first, _, _ := strings.Cut(k.Doc, ". ")
	return strings.TrimSuffix(first, ".")
}

// allowed tells the bounds or the values in words, or nothing without any.
func (k Key) allowed() string {
	switch {
	case len(k.Values) > 0 && !k.Open:
		return strings.Join(k.Values, ", ")
	case k.Min != "" && k.Max != "":
		return k.Min + " to " + k.Max
	case k.Min != "":
		return k.Min + " or more"
	default:
		return ""
	}
}

// grouped says what keys have in common.
func grouped(title string, keys []Key) []Key {
	for i := range keys {
		keys[i].Group = title
	}
	return keys
}

// section groups keys; its name is what their names begin with.
type section struct {
	name string
	doc  string
	keys []Key
}

// title names the section by the beginning of its documentation.
func (s section) title() string {
	title, _, _ := strings.Cut(s.doc, ". ")
	title, _, _ = strings.Cut(title, ":")
	return strings.TrimSuffix(title, ".")
}

// Keys returns the whole table in the order in which people read it. After
// every key that may come from a file follows its <name>_file key.
func Keys() []Key {
	var keys []Key
	for _, s := range sections() {
		keys = append(keys, s.keys...)
	}
	return keys
}

// sections returns the table with the _file keys added.
func sections() []section {
	all := []section{kafkaKeys(), hecKeys(), batchKeys(), deadLetterKeys(), deadLetterTopicKeys(), mirrorKeys(), adminKeys(), filterKeys(), summaryKeys(), heartbeatKeys(), alertKeys(), logKeys()}
	for i, s := range all {
		var keys []Key
		for _, k := range s.keys {
			keys = append(keys, k)
			if k.FromFile {
				keys = append(keys, fileKey(k))
			}
		}
		all[i].keys = keys
	}
	return all
}

// fileKey returns the key that names the file which holds k's value.
func fileKey(k Key) Key {
	return Key{
		Name: k.Name + fileSuffix,
		Kind: String,
		Doc: "File that holds " + k.Name + " and nothing else. " +
			"Line breaks at its end are ignored; at most 64KiB.",
		Example: "/etc/auditlog-forwarder/" + strings.ReplaceAll(k.credential(), "_", "-"),
		Main:    k.Main && k.Secret,
		Group:   k.Group,
	}
}

// lookup finds a key of the table by its name.
func lookup(keys []Key, name string) (Key, bool) {
	i := slices.IndexFunc(keys, func(k Key) bool { return k.Name == name })
	if i < 0 {
		return Key{}, false
	}
	return keys[i], true
}

// parents returns the names that hold other keys: kafka, kafka.sasl and so on.
func parents(keys []Key) []string {
	var names []string
	for _, k := range keys {
		for i, r := range k.Name {
			if r == '.' && !slices.Contains(names, k.Name[:i]) {
				names = append(names, k.Name[:i])
			}
		}
	}
	return names
}
