package importer

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"auditlog-forwarder/pkg/creds"
)

// The functions that make an apply function for one key.

func textTo(key string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) { t.set(p, key, p.Value, "") }
}

func scopedText(name string) func(*translation, *scope, Property, rule) {
	return func(t *translation, s *scope, p Property, _ rule) { t.set(p, s.key(name), p.Value, "") }
}

func secretTo(key string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) { t.secret(p, key, creds.NewSecret(p.Value), true) }
}

func scopedSecret(name string) func(*translation, *scope, Property, rule) {
	return func(t *translation, s *scope, p Property, _ rule) {
		t.secret(p, s.key(name), creds.NewSecret(p.Value), true)
	}
}

func listTo(key string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) { t.set(p, key, splitList(p.Value), "") }
}

func boolTo(key string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) {
		switch strings.ToLower(p.Value) {
		case "true", "false":
			t.set(p, key, strings.EqualFold(p.Value, "true"), "")
		default:
			t.wrong(p, key, "is neither true nor false")
		}
	}
}

func intTo(key string, least, most int64) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) {
		if _, ok := lookupKey(key); !ok { // of a section that there is not
			t.say(p, NotNeeded, nil, "it has no effect here")
			return
		}
		n, err := strconv.ParseInt(p.Value, 10, 64)
		if err != nil {
			t.wrong(p, key, "is no whole number")
			return
		}
		kept := min(max(n, least), most)
		t.set(p, key, kept, changed(kept != n, fmt.Sprint(n), fmt.Sprint(kept)))
	}
}

func secondsTo(key string) func(*translation, *scope, Property, rule) {
	return durationTo(key, time.Second)
}

func millisTo(key string) func(*translation, *scope, Property, rule) {
	return durationTo(key, time.Millisecond)
}

// durationTo keeps a duration within the key's bounds.
func durationTo(key string, unit time.Duration) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, _ rule) {
		n, err := strconv.ParseInt(p.Value, 10, 32)
		if err != nil {
			t.wrong(p, key, "is no whole number")
			return
		}
		d := time.Duration(n) * unit
		if d <= 0 {
			t.say(p, NotNeeded, []string{key}, fmt.Sprintf("%s would mean no limit or no wait, and %s stays as it is", p.Value, key))
			return
		}
		least, most := bounds(key)
		kept := max(d, least)
		if most > 0 {
			kept = min(kept, most)
		}
		t.set(p, key, kept, changed(kept != d, shortDuration(d), shortDuration(kept)))
	}
}

// bounds returns the key's, as the rooms' own checks have them.
func bounds(key string) (least, most time.Duration) {
	switch key {
	case "kafka.session_timeout":
		return 6 * time.Second, 30 * time.Minute
	case "kafka.fetch_max_wait":
		return 10 * time.Millisecond, 30 * time.Second
	case "kafka.metadata_refresh":
		return time.Second, time.Hour
	case "batch.linger":
		return time.Millisecond, 5 * time.Minute
	}
	return 100 * time.Millisecond, 0
}

func changed(is bool, from, into string) string {
	if !is {
		return ""
	}
	return fmt.Sprintf("%s is out of range here; the nearest that is allowed is %s", from, into)
}

// wrong is for a value that the connector itself would have refused. The value
// is not shown: it may stand at the wrong property.
func (t *translation) wrong(p Property, key, why string) {
	t.missing(Missing{Key: key, Text: fmt.Sprintf("%s of %s %s", p.Name, p.Where, why)})
	t.say(p, FillIn, []string{key}, "its value "+why+"; give "+key+" yourself, or take the default")
}

// splitList divides at commas and leaves out what is empty.
func splitList(s string) []string {
	list := []string{}
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}
