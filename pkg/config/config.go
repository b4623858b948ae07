// Package config turns defaults, one YAML file, environment variables and
// flags into one checked [Config] made of the rooms' own Config types.
//
// One table of keys (see [Keys]) is the only place where a key is named: it
// drives the flags, the environment, the example file, the printed
// configuration and the reference page. A key's default comes from its
// room's DefaultConfig and its rules from its room's Validate.
//
// [Load] reports all mistakes at once, each with its key, where it was given
// and what is allowed. Secrets are wrapped in creds.Secret the moment they are
// read, and no message ever holds one.
package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/deadletter"
	"auditlog-forwarder/pkg/filter"
	"auditlog-forwarder/pkg/forwarder"
	"auditlog-forwarder/pkg/heartbeat"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
	"auditlog-forwarder/pkg/ops"
	"auditlog-forwarder/pkg/summary"
)

// Config is the whole configuration of one forwarder.
type Config struct {
	Kafka           kafka.Config      `mapstructure:"kafka"`
	HEC             hec.Config        `mapstructure:"hec"`
	Batch           forwarder.Config  `mapstructure:"batch"`
	DeadLetter      deadletter.Config `mapstructure:"dead_letter"`
	DeadLetterTopic kafka.TopicConfig `mapstructure:"dead_letter_topic"`
	Mirror          kafka.CopyConfig  `mapstructure:"mirror"`
	Admin           ops.Config        `mapstructure:"admin"`
	Filter          filter.Config     `mapstructure:"filter"`
	Summaries       summary.Config    `mapstructure:"summaries"`
	Heartbeat       heartbeat.Config  `mapstructure:"heartbeat"`
	Alerts          Alerts            `mapstructure:"alerts"`
	Log             Log               `mapstructure:"log"`
}

// Log says how much is logged, and how it looks.
type Log struct {
	Level  string `mapstructure:"level"`
	Format string `mapstructure:"format"`
}

// The log formats. FormatAuto is console on a terminal and JSON elsewhere.
const (
	FormatAuto    = "auto"
	FormatConsole = "console"
	FormatJSON    = "json"
)

// Defaults returns the defaults of all rooms together. They are not valid as
// they are, since addresses and credentials have no default.
func Defaults() Config {
	return Config{
		Kafka:           kafka.DefaultConfig(),
		HEC:             hec.DefaultConfig(),
		Batch:           forwarder.DefaultConfig(),
		DeadLetter:      deadletter.DefaultConfig(),
		DeadLetterTopic: kafka.DefaultTopicConfig(),
		Mirror:          kafka.DefaultCopyConfig(),
		Admin:           ops.DefaultConfig(),
		Filter:          filter.DefaultConfig(),
		Summaries:       summary.DefaultConfig(),
		Heartbeat:       heartbeat.DefaultConfig(),
		Alerts:          defaultAlerts(),
		Log:             Log{Level: "info", Format: FormatAuto},
	}
}

// Validate returns every mistake, each starting with its whole key.
func (c Config) Validate() []error {
	var errs []error
	for _, room := range []struct {
		name string
		errs []error
	}{
		{"kafka", c.Kafka.Validate()},
		{"hec", c.HEC.Validate()},
		{"batch", c.Batch.Validate()},
		{"dead_letter", c.DeadLetter.Validate()},
		{"dead_letter_topic", c.DeadLetterTopic.Validate()},
		{"mirror", c.Mirror.Validate()},
		{"admin", c.Admin.Validate()},
		{"filter", c.Filter.Validate()},
		{"summaries", c.Summaries.Validate()},
		{"heartbeat", c.Heartbeat.Validate()},
		{"alerts", c.Alerts.Validate()},
		{"log", c.Log.Validate()},
	} {
		for _, err := range room.errs {
			errs = append(errs, fmt.Errorf("%s.%w", room.name, err))
		}
	}
	return append(errs, c.between()...)
}

// between returns the mistakes that no room can see alone.
func (c Config) between() (errs []error) {
	errs = append(errs, c.filtered()...)
	// A batch may have one event beyond batch.max_bytes. What no day has room for
	// would wait for ever.
	limit := c.HEC.Limit
	if most := c.Batch.MaxBytes + c.HEC.MaxEventBytes; limit.BytesPerDay >= c.HEC.MaxEventBytes && limit.BytesPerDay < most && limit.OnDailyLimit == hec.DailySlow {
		errs = append(errs, fmt.Errorf("hec.limit.bytes_per_day: %d is less than one batch may have (batch.max_bytes and hec.max_event_bytes make %d); raise it, or lower these", limit.BytesPerDay, most))
	}
	if c.DeadLetterTopic.ReadBy(c.Kafka) {
		errs = append(errs, fmt.Errorf("dead_letter_topic.name: %q is also read, so its records would come back for ever; name another topic, in a cluster of yours", c.DeadLetterTopic.Name))
	}
	return errs
}

// Validate returns every mistake, each starting with its key.
func (l Log) Validate() []error {
	var errs []error
	for _, e := range []struct {
		key, val string
		allowed  []string
	}{
		{"level", l.Level, logLevels()},
		{"format", l.Format, logFormats()},
	} {
		if !slices.Contains(e.allowed, e.val) {
			errs = append(errs, fmt.Errorf("%s: %q is unknown; allowed are %s", e.key, e.val, strings.Join(e.allowed, ", ")))
		}
	}
	return errs
}

func logLevels() []string  { return []string{"debug", "info", "warn", "error"} }
func logFormats() []string { return []string{FormatAuto, FormatConsole, FormatJSON} }

// value returns what c holds for a key of the table, such as kafka.topics.
// The second result is false if no field has that name.
func (c Config) value(key string) (any, bool) {
	v := reflect.ValueOf(c)
	for part := range strings.SplitSeq(key, ".") {
		if v.Kind() != reflect.Struct {
			return nil, false
		}
		i := 0
		for i < v.NumField() && v.Type().Field(i).Tag.Get("mapstructure") != part {
			i++
		}
		if i == v.NumField() {
			return nil, false
		}
		v = v.Field(i)
	}
	return v.Interface(), true
}

// Differences returns the names of the keys whose values differ.
func Differences(a, b Config) []string {
	var names []string
	for _, k := range Keys() {
		x, _ := a.value(k.Name)
		y, _ := b.value(k.Name)
		s, secret := x.(creds.Secret)
		t, _ := y.(creds.Secret)
		// Two secrets that are the same need not be at the same place.
		if secret && !s.Equal(t) || !secret && !reflect.DeepEqual(x, y) {
			names = append(names, k.Name)
		}
	}
	return names
}
