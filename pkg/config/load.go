package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"
)

// Source says where configuration is looked for. Its zero value finds only
// defaults: Load itself reads neither the process's environment nor any
// fixed path.
type Source struct {
	File           string         // --config; it must exist
	DefaultFile    string         // read if File and FileEnv name none and it exists
	Env            []string       // as from os.Environ
	Flags          *pflag.FlagSet // parsed, with the flags of AddFlags; may be nil
	CredentialsDir string         // systemd's $CREDENTIALS_DIRECTORY; may be empty
}

// Loaded is a configuration and the story of where it comes from.
type Loaded struct {
	Config
	File     string   // the file that was read; empty if there was none
	Warnings []string // what is allowed but dangerous or without effect

	origins map[string]string // by key; without an entry it is the default
	secrets []string          // files that gave secrets, or should have
	refused map[string]string // by key: where a value was given that is not in effect
}

// Origin tells where the value of a key comes from, such as "default" or
// "flag --hec.url".
func (l *Loaded) Origin(key string) string {
	if o, ok := l.origins[key]; ok {
		return o
	}
	return "default"
}

// SecretFiles lists the files from which secrets, and what else a key with
// _file may hold, were read or should have been: files that such keys name,
// systemd credentials, and the configuration file if a secret stands in it.
func (l *Loaded) SecretFiles() []string { return slices.Clone(l.secrets) }

// Refused tells where a value of a key was given that could not be read, so
// that another is in effect. It is empty if there is none.
func (l *Loaded) Refused(key string) string {
	if where := l.refused[key]; where != l.Origin(key) {
		return where
	}
	return ""
}

// Error is one mistake in the configuration.
type Error struct {
	Key   string // the key concerned; empty if it is unknown or there is none
	Where string // file:line, variable or flag; empty if nothing was given
	Text  string // what was given and what is allowed; never a secret
}

// Error implements error.
func (e *Error) Error() string {
	var parts []string
	for _, p := range []string{e.Where, e.Key, e.Text} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return strings.Join(parts, ": ")
}

// Load reads all sources and checks the result. The error joins one *Error
// for every mistake found. Beside an error, Loaded is what could be read, to
// be shown and not to be run, or nil if the file could not be read.
func Load(src Source) (*Loaded, error) {
	path := src.File
	if path == "" {
		path = fileFromEnv(src.Env)
	}
	if path == "" && src.DefaultFile != "" {
		if _, err := os.Stat(src.DefaultFile); !errors.Is(err, fs.ErrNotExist) {
			path = src.DefaultFile
		}
	}
	if path == "" {
		return load(src, "", nil, 0)
	}
	data, mode, err := readBounded(path, maxFile)
	if err != nil {
		return nil, &Error{Where: path, Text: fmt.Sprintf("read the configuration file: %v", err)}
	}
	return load(src, path, data, mode)
}

// load does what Load does with a file that is read already.
func load(src Source, path string, data []byte, mode fs.FileMode) (*Loaded, error) {
	keys := Keys()
	credentials := newLayer("systemd credentials")
	file, errs, readable := readYAML(path, data, keys)
	env, envErrs := readEnv(src.Env, keys)
	flags, flagErrs := readFlags(src.Flags)
	errs = slices.Concat(errs, envErrs, flagErrs)
	if !readable {
		return nil, errors.Join(errs...)
	}

	l := &Loaded{File: path, origins: map[string]string{}}
	for _, k := range keys {
		if s, ok := file.settings[k.Name]; ok && isSecret(s.value) {
			if !slices.Contains(l.secrets, path) {
				l.secrets = append(l.secrets, path)
			}
			if mode&0o044 != 0 {
				l.Warnings = append(l.Warnings, fmt.Sprintf("%s: %s is in the file in clear, and others may read the file (mode %#o); "+
					"run chmod 600 %s, or use %s%s", s.where, k.Name, mode.Perm(), path, k.Name, fileSuffix))
			}
		}
	}

	layers := []layer{credentials, file, env, flags}
	files, fileErrs := readSecretFiles(layers, keys, src.CredentialsDir)
	errs, l.secrets = append(errs, fileErrs...), append(l.secrets, files...)
	cfg, err := merge(layers)
	if err != nil {
		return nil, errors.Join(append(errs, err)...)
	}
	l.Config = cfg
	for _, ly := range layers {
		for key, s := range ly.settings {
			l.origins[key] = s.where
		}
	}
	l.refused = map[string]string{}
	for _, err := range errs {
		var e *Error
		if errors.As(err, &e) && e.Where != "" {
			l.refused[strings.TrimSuffix(e.Key, fileSuffix)] = e.Where
		}
	}
	l.Warnings = append(l.Warnings, l.dangers(src.Env)...)
	errs = append(errs, l.violations(errs)...)
	return l, errors.Join(errs...)
}

// merge lays the layers over the defaults. The values are typed already, so
// decoding can only fail if the table of keys and the structs differ.
func merge(layers []layer) (Config, error) {
	v := viper.New()
	defaults := Defaults()
	for _, k := range Keys() {
		if val, ok := defaults.value(k.Name); ok {
			v.SetDefault(k.Name, val)
		}
	}
	for _, l := range layers {
		tree := map[string]any{}
		for key, s := range l.settings {
			plant(tree, strings.Split(key, "."), s.value)
		}
		if err := v.MergeConfigMap(tree); err != nil {
			return Config{}, fmt.Errorf("merge %s: %w", l.name, err)
		}
	}
	var cfg Config
	if err := v.UnmarshalExact(&cfg); err != nil {
		return Config{}, fmt.Errorf("decode the configuration: %w", err)
	}
	return cfg, nil
}

// plant sets the leaf at path in a tree of maps.
func plant(tree map[string]any, path []string, value any) {
	for _, name := range path[:len(path)-1] {
		sub, ok := tree[name].(map[string]any)
		if !ok {
			sub = map[string]any{}
			tree[name] = sub
		}
		tree = sub
	}
	tree[path[len(path)-1]] = value
}

// violations returns the broken rules. A key that has an error already is
// left out: its value is not what was meant.
func (l *Loaded) violations(known []error) []error {
	bad := map[string]bool{}
	for _, err := range known {
		var e *Error
		if errors.As(err, &e) {
			bad[strings.TrimSuffix(e.Key, fileSuffix)] = true
		}
	}
	keys := Keys()
	said := map[string]bool{} // two empty names in one list are one mistake
	var errs []error
	for _, err := range l.Validate() {
		if said[err.Error()] {
			continue
		}
		said[err.Error()] = true
		key, text, _ := strings.Cut(err.Error(), ": ")
		if bad[key] {
			continue
		}
		if k, ok := lookup(keys, key); ok && k.Secret {
			text = strings.Replace(text, "missing; set ", "missing; set "+k.Env()+", or ", 1)
		}
		errs = append(errs, &Error{Key: key, Where: l.origins[key], Text: text})
	}
	return errs
}
