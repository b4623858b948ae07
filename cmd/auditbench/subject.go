package main

import (
	"fmt"
	"strconv"
	"strings"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/hec/hectest"
)

// The names of the subjects.
const (
	baseline      = "count"
	subjectPlain  = "plain"
	subjectGzip   = "gzip"
	subjectFilter = "filter"
)

// droppedMethod is what the subject filter leaves out: most of an audit log.
const droppedMethod = "mds.Authorize"

// subject is one thing to measure.
type subject struct {
	name string
	what string
	// env are configuration keys beside those that every forwarder gets.
	env []string
	// drops is set if droppedMethod is not forwarded.
	drops bool
}

func subjects() []subject {
	return []subject{
		{name: baseline, what: "the baseline: the forwarder's consumer group, which only counts bytes"},
		{name: subjectPlain, what: "the forwarder without gzip", env: []string{envPrefix + "HEC_GZIP=false"}},
		{name: subjectGzip, what: "the forwarder with gzip, as it is by default", env: []string{envPrefix + "HEC_GZIP=true"}},
		{
			name: subjectFilter, what: "the forwarder with gzip, dropping " + droppedMethod, drops: true,
			env: []string{envPrefix + "HEC_GZIP=true", envPrefix + "FILTER_DROP_METHODS=" + droppedMethod},
		},
	}
}

// timed is how many of the events the rate is measured over. The last ones are
// left out, since the last batches are not full and wait for batch.linger.
func timed(events int) int { return max(1, events*9/10) }

func findSubject(name string) (subject, bool) {
	for _, s := range subjects() {
		if s.name == name {
			return s, true
		}
	}
	return subject{}, false
}

func subjectNames() []string {
	var names []string
	for _, s := range subjects() {
		names = append(names, s.name)
	}
	return names
}

func subjectHelp() string {
	var b strings.Builder
	for _, s := range subjects() {
		fmt.Fprintf(&b, "  %-8s %s\n", s.name, s.what)
	}
	return b.String()
}

// forwards reports whether the subject is a forwarder.
func (s subject) forwards() bool { return s.name != baseline }

// environment is the configuration of one run, on top of what is inherited.
func (s subject) environment(brokers []string, group, receiver, file, deadLetters string) []string {
	return append([]string{
		config.FileEnv + "=" + file,
		envPrefix + "KAFKA_BOOTSTRAP_SERVERS=" + strings.Join(brokers, ","),
		envPrefix + "KAFKA_SECURITY_PROTOCOL=PLAINTEXT",
		envPrefix + "KAFKA_TOPICS=" + topic,
		envPrefix + "KAFKA_GROUP_ID=" + group,
		envPrefix + "HEC_URL=" + receiver,
		envPrefix + "HEC_TOKEN=" + hectest.DefaultToken,
		envPrefix + "DEAD_LETTER_DIR=" + deadLetters,
		envPrefix + "LOG_FORMAT=json",
		envPrefix + "HEARTBEAT_INTERVAL=0s", // what arrives is counted
	}, s.env...)
}

// arguments starts the subject inside auditbench: the baseline, or with a
// profile folder a forwarder.
func (s subject) arguments(brokers []string, group, profiles string, events int) []string {
	if s.forwards() {
		return []string{profileCommand, "--out", profiles, "--name", s.name, "--half", strconv.Itoa(events / 2)}
	}
	return []string{
		countCommand, "--bootstrap-servers", strings.Join(brokers, ","), "--group", group,
		"--timed", strconv.Itoa(timed(events)),
	}
}
