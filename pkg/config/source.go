package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// setting is one value and where it was given.
type setting struct {
	value any
	where string
}

// layer holds what one source says. Layers are kept in rising precedence.
type layer struct {
	name     string // for messages
	settings map[string]setting
}

func newLayer(name string) layer { return layer{name: name, settings: map[string]setting{}} }

func (l layer) set(key string, value any, where string) {
	l.settings[key] = setting{value: value, where: where}
}

// readEnv reads the variables that begin with our prefix. An empty one counts
// as not given, since that is how Compose passes on what nobody set.
func readEnv(env []string, keys []Key) (layer, []error) {
	l := newLayer("environment")
	var errs []error
	byEnv := map[string]Key{}
	// Compared without the prefix, which alone would make all of them alike.
	names := []string{strings.TrimPrefix(FileEnv, envPrefix)}
	for _, k := range keys {
		byEnv[k.Env()] = k
		names = append(names, strings.TrimPrefix(k.Env(), envPrefix))
	}
	for _, pair := range slices.Sorted(slices.Values(env)) {
		name, text, _ := strings.Cut(pair, "=")
		if !strings.HasPrefix(name, envPrefix) || text == "" || name == FileEnv || isServiceLink(name) {
			continue
		}
		where := "environment " + name
		k, ok := byEnv[name]
		if !ok {
			hint := "unset it, or give it the name of a key: hec.url is " + envPrefix + "HEC_URL"
			if near := Nearest(strings.TrimPrefix(name, envPrefix), names); near != "" {
				hint = "did you mean " + envPrefix + near + "?"
			}
			errs = append(errs, &Error{Where: where, Text: "unknown variable; " + hint})
			continue
		}
		v, err := k.parse(text)
		if err != nil {
			errs = append(errs, &Error{Key: k.Name, Where: where, Text: err.Error()})
			continue
		}
		l.set(k.Name, v, where)
	}
	return l, errs
}

// isServiceLink recognizes the variables that Kubernetes sets in every pod of
// a namespace which has a service called auditlog-forwarder.
func isServiceLink(name string) bool {
	return regexp.MustCompile(`^(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)?)$`).
		MatchString(strings.TrimPrefix(name, envPrefix))
}

// fileFromEnv returns the configuration file that the environment names.
func fileFromEnv(env []string) string {
	for _, pair := range slices.Backward(env) {
		if path, ok := strings.CutPrefix(pair, FileEnv+"="); ok {
			return path
		}
	}
	return ""
}

// flagValue keeps the text of a flag, so that a wrong value is reported
// together with all other mistakes and not alone.
type flagValue struct {
	key   Key
	text  string
	given bool
}

func (f *flagValue) String() string { return f.text }
func (f *flagValue) Type() string   { return f.key.Kind.String() }

// Set implements pflag.Value. A repeated list grows.
func (f *flagValue) Set(text string) error {
	if f.key.Kind == List && f.given {
		text = f.text + "," + text
	}
	f.text, f.given = text, true
	return nil
}

// AddFlags adds a flag for every key that is not a secret.
func AddFlags(fs *pflag.FlagSet) {
	defaults := Defaults()
	for _, k := range Keys() {
		if k.Secret {
			continue
		}
		usage := strings.ReplaceAll(k.summary(), "`", "")
		if a := k.allowed(); a != "" {
			usage += " (" + a + ")"
		}
		f := fs.VarPF(&flagValue{key: k}, k.Flag(), "", usage)
		if v, ok := defaults.value(k.Name); ok {
			f.DefValue = k.text(v)
		}
		if k.Kind == Bool {
			f.NoOptDefVal = "true"
		}
	}
}

// readFlags reads the flags that were given.
func readFlags(fs *pflag.FlagSet) (layer, []error) {
	l := newLayer("flags")
	var errs []error
	if fs == nil {
		return l, nil
	}
	fs.Visit(func(f *pflag.Flag) {
		fv, ok := f.Value.(*flagValue)
		if !ok {
			return
		}
		where := "flag --" + f.Name
		v, err := fv.key.parse(fv.text)
		if err != nil {
			errs = append(errs, &Error{Key: fv.key.Name, Where: where, Text: err.Error()})
			return
		}
		l.set(fv.key.Name, v, where)
	})
	return l, errs
}

// FlagHint tells somebody who gave an unknown flag what to write instead. It
// is empty if nothing comes near.
func FlagHint(fs *pflag.FlagSet, name string) string {
	for _, k := range Keys() {
		if k.Secret && (flagName(k.Name) == name || k.Name == name) {
			return fmt.Sprintf("secrets are not taken from the command line, where every user of this host can read them; use --%s, %s or %s",
				flagName(k.Name+fileSuffix), k.Env(), fileKey(k).Env())
		}
	}
	var names []string
	fs.VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names = append(names, f.Name)
		}
	})
	if near := Nearest(name, names); near != "" {
		return fmt.Sprintf("did you mean --%s?", near)
	}
	return ""
}
