package resttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// keyList is the keys of one conf file. Those with a placeholder are patterns.
type keyList []*regexp.Regexp

// readKeys reads the names that the conf file's specification has, from
// testdata/splunk-conf-keys at the top of the module.
func readKeys(conf string) (keyList, error) {
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		up := filepath.Dir(dir)
		if up == dir {
			return nil, errors.New("find the module: no go.mod above the working directory")
		}
		dir = up
	}
	data, err := os.ReadFile(filepath.Join(dir, "testdata", "splunk-conf-keys", conf+".txt"))
	if err != nil {
		return nil, fmt.Errorf("read the keys of %s.conf: %w", conf, err)
	}
	placeholder := regexp.MustCompile(`<[^>]+>`)
	var keys keyList
	for line := range strings.Lines(string(data)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "[") {
			continue
		}
		var pattern strings.Builder
		at := 0
		for _, m := range placeholder.FindAllStringIndex(line, -1) {
			pattern.WriteString(regexp.QuoteMeta(line[at:m[0]]) + `[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*`)
			at = m[1]
		}
		pattern.WriteString(regexp.QuoteMeta(line[at:]))
		keys = append(keys, regexp.MustCompile("^"+pattern.String()+"$"))
	}
	return keys, nil
}

// renamed are the keys of savedsearches.conf that REST names otherwise.
func renamed() map[string]string {
	return map[string]string{"enableSched": "is_scheduled", "counttype": "alert_type", "relation": "alert_comparator", "quantity": "alert_threshold"}
}

// takes reports whether a handler knows an argument.
func (k keyList) takes(collection, key string) bool {
	if collection == Searches {
		if _, conf := renamed()[key]; conf {
			return false
		}
		if key == "actions" {
			return true
		}
		key = confKey(collection, key)
	}
	return slices.ContainsFunc(k, func(p *regexp.Regexp) bool { return p.MatchString(key) })
}

// confKey is the conf file's name of an argument.
func confKey(collection, key string) string {
	if collection == Searches {
		for conf, rest := range renamed() {
			if rest == key {
				return conf
			}
		}
	}
	return key
}

func restKey(key string) string {
	if rest, ok := renamed()[key]; ok {
		return rest
	}
	return key
}

func confOf(collection string) string {
	if collection == Searches {
		return "savedsearches"
	}
	return "macros"
}

// defaults are what Splunk itself says for a saved search.
func defaults() map[string]string {
	return map[string]string{
		"disabled": "0", "enableSched": "0", "cron_schedule": "", "description": "", "realtime_schedule": "1", "schedule_window": "0",
		"schedule_priority": "default", "allow_skew": "0", "max_concurrent": "1", "is_visible": "1", "dispatchAs": "owner", "workload_pool": "",
		"counttype": "always", "relation": "", "quantity": "", "alert_condition": "",
		"alert.severity": "3", "alert.digest_mode": "1", "alert.track": "0", "alert.expires": "24h", "alert.managedBy": "",
		"alert.suppress": "", "alert.suppress.period": "", "alert.suppress.fields": "", "alert.suppress.group_name": "",
		"dispatch.earliest_time": "", "dispatch.latest_time": "", "dispatch.index_earliest": "", "dispatch.index_latest": "",
		"dispatch.ttl": "2p", "dispatch.buckets": "0", "dispatch.max_count": "500000", "dispatch.lookups": "1",
		"action.email": "0", "action.webhook": "0", "action.script": "0", "action.rss": "0",
		"action.email.subject": "Splunk Alert: $name$", "action.email.message.alert": "The alert condition for '$name$' was triggered.",
		"action.email.format": "table", "action.email.inline": "0", "action.email.sendresults": "", "action.email.include.results_link": "1",
		"action.email.include.view_link": "1", "action.email.useNSSubject": "0", "action.email.maxresults": "10000",
		"request.ui_dispatch_app": "", "request.ui_dispatch_view": "", "display.general.type": "statistics",
	}
}

func actionNames(o *object) []string {
	names := []string{}
	for key := range maps.Keys(o.local) {
		names = append(names, key)
	}
	for key := range maps.Keys(o.packaged) {
		names = append(names, key)
	}
	var out []string
	for _, key := range names {
		if name, ok := strings.CutPrefix(key, "action."); ok && !strings.Contains(name, ".") {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// flags are the arguments that are booleans in splunkd's answers.
func flags() []string {
	return []string{
		"disabled", "is_scheduled", "realtime_schedule", "is_visible", "alert.digest_mode", "alert.suppress", "dispatch.lookups",
		"action.email", "action.script", "action.rss", "action.email.inline", "action.email.sendresults", "iseval",
	}
}

// numbers are those that are numbers.
func numbers() []string {
	return []string{"alert.severity", "max_concurrent", "dispatch.buckets", "dispatch.max_count", "action.email.maxresults"}
}

// typed is a value in JSON: splunkd has booleans and numbers for some keys, and
// null for what was never set.
func typed(_, key, value string) any {
	switch {
	case slices.Contains(flags(), key) && value == "":
		return nil
	case slices.Contains(flags(), key):
		return value == "1" || value == "true"
	case slices.Contains(numbers(), key):
		return json.Number(value)
	default:
		return value
	}
}

// spelled is how a value is kept.
func spelled(key, value string) string {
	if slices.Contains(flags(), key) {
		switch strings.ToLower(value) {
		case "true", "t", "yes":
			return "1"
		case "false", "f", "no":
			return "0"
		}
	}
	return value
}

// wrong checks one value against what the specification documents.
func wrong(collection, key, value string) string {
	if collection != Searches {
		if key == "definition" && value == "" {
			return "Macro definition cannot be empty."
		}
		return ""
	}
	invalid := fmt.Sprintf("Invalid value for argument %s: '%s'", key, value)
	among := func(words ...string) string {
		if slices.Contains(words, value) {
			return ""
		}
		return invalid
	}
	matches := func(pattern string) string {
		if regexp.MustCompile(pattern).MatchString(value) {
			return ""
		}
		return invalid
	}
	if slices.Contains(flags(), key) && value != "" {
		return among("0", "1", "true", "false", "t", "f")
	}
	switch key {
	case "search":
		if value == "" {
			return "Cannot have an empty search."
		}
	case "cron_schedule":
		if value != "" && !cron(value) {
			return "Invalid cron_schedule=\"" + value + "\"."
		}
	case "alert.severity":
		return among("1", "2", "3", "4", "5", "6")
	case "alert.track":
		return among("auto", "true", "false", "1", "0")
	case "alert_type":
		return among("always", "custom", "number of events", "number of hosts", "number of sources")
	case "alert_comparator":
		return among("", "greater than", "less than", "equal to", "not equal to", "drops by", "rises by", "rises by perc", "drops by perc")
	case "alert_threshold":
		return matches(`^(\d+%?)?$`)
	case "alert.suppress.period":
		return matches(`^(\d+[smhd]?)?$`)
	case "alert.expires":
		return matches(`^\d+[smhd]?$`)
	case "schedule_window":
		return matches(`^(auto|\d+)$`)
	case "schedule_priority":
		return among("default", "higher", "highest")
	case "allow_skew":
		return matches(`^\d+(%|[smhd])?$`)
	case "dispatch.earliest_time", "dispatch.latest_time", "dispatch.index_earliest", "dispatch.index_latest":
		return matches(`^(|now|\d+|(rt)?[-+]?\d*[a-z]*(@[a-z0-9]+)?([-+]\d+[a-z]+)*)$`)
	case "dispatchAs":
		return among("user", "owner")
	case "action.webhook.param.url":
		if u, err := url.Parse(value); value != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https") {
			return "Invalid webhook URL: " + value
		}
	}
	return ""
}

// incomplete checks what must come together.
func incomplete(collection string, o *object) string {
	if collection != Searches {
		return ""
	}
	get := func(key string) string {
		v, ok := o.value(key)
		if !ok {
			return defaults()[key]
		}
		return v
	}
	switch {
	case get("enableSched") == "1" && get("cron_schedule") == "":
		return "Cannot schedule a search without a cron_schedule."
	case get("action.email") == "1" && get("action.email.to") == "":
		return "action.email.to is required if email action is enabled"
	case get("action.webhook") == "1" && get("action.webhook.param.url") == "":
		return "action.webhook.param.url is required if webhook action is enabled"
	case get("alert.suppress") == "1" && get("alert.suppress.period") == "":
		return "alert.suppress.period is required if alert.suppress is enabled"
	case get("alert.suppress") == "1" && get("alert.digest_mode") == "0" && get("alert.suppress.fields") == "":
		return "alert.suppress.fields must be set for per-result alerting"
	}
	return ""
}

// cron checks five fields; Splunk knows no names of days and months.
func cron(text string) bool {
	fields := strings.Fields(text)
	limits := []int{59, 23, 31, 12, 7}
	if len(fields) != len(limits) {
		return false
	}
	for i, field := range fields {
		for part := range strings.SplitSeq(field, ",") {
			span, step, stepped := strings.Cut(part, "/")
			if n, err := strconv.Atoi(step); stepped && (err != nil || n < 1) {
				return false
			}
			if span == "*" {
				continue
			}
			for end := range strings.SplitSeq(span, "-") {
				if n, err := strconv.Atoi(end); err != nil || n > limits[i] {
					return false
				}
			}
		}
	}
	return true
}
