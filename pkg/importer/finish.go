package importer

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
)

// defaults sets what the connector does without being told, where ours is
// different: what Splunk gets must stay the same.
func (t *translation) defaults() {
	unset := func(key string) bool { _, ok := t.res.settings[key]; return !ok }
	splunk := slices.ContainsFunc(t.connector.order, func(n string) bool { return strings.HasPrefix(n, "splunk.") })
	if splunk {
		if unset("hec.time") && !t.raw() && !t.formatted() && !t.connector.has("splunk.hec.use.record.timestamp") {
			t.put("hec.time", "record", "", "the connector's default; event takes the audit event's own time")
		}
		for _, key := range []string{"hec.source", "hec.sourcetype"} {
			if unset(key) && !t.formatted() {
				t.put(key, "", "", "the connector sets none, which leaves it to the token")
			}
		}
	}
	_, brokersKnown := t.res.settings["kafka.bootstrap_servers"]
	if t.managed && unset("kafka.security_protocol") {
		t.put("kafka.security_protocol", "SASL_SSL", "", "as every API key of Confluent Cloud needs it")
	}
	if brokersKnown && unset("kafka.security_protocol") && !t.consumer.has("security.protocol") {
		t.put("kafka.security_protocol", "PLAINTEXT", "", "Kafka's default, since security.protocol is not given")
		if t.worker.has("security.protocol") && !t.client {
			t.res.Notes = append(t.res.Notes, "the worker's own connection has a security.protocol and its consumers have none (consumer.security.protocol): "+
				"they connect without encryption. If that is not how it runs, the file that says so is missing here")
		}
	}
	if _, topic := t.res.settings["dead_letter_topic.name"]; topic && unset("dead_letter_topic.security_protocol") && !t.producer.has("security.protocol") {
		t.put("dead_letter_topic.security_protocol", "PLAINTEXT", "", "Kafka's default, since producer.security.protocol is not given")
	}
	switch {
	case t.opts.GroupID != "" && t.opts.ContinueGroup:
		t.res.Group = t.opts.GroupID
		t.put("kafka.group_id", t.opts.GroupID, "--group-id", "the connector's own group, so that forwarding goes on at the very next event")
	case t.res.Group == "" && t.managed && t.id != "" && t.opts.ContinueGroup:
		t.res.Group = "connect-" + t.id
		t.put("kafka.group_id", t.res.Group, "the connector's id", "a managed connector's group; see it with: confluent kafka consumer group list")
	}
	if !splunk {
		return
	}
	if unset("kafka.topics") && unset("kafka.topic_pattern") {
		t.missing(Missing{Key: "kafka.topics", Text: "the connector's topics were not given"})
		t.put("kafka.topics", []string{}, "", "")
	}
}

// finish tries the result and says what remains to be done.
func (t *translation) finish() {
	t.res.out = t.opts.Name
	t.check()
	keys := config.Keys()
	position := func(m Missing) int { return slices.IndexFunc(keys, func(k config.Key) bool { return k.Name == m.Key }) }
	slices.SortStableFunc(t.res.Missing, func(a, b Missing) int { return cmp.Compare(position(a), position(b)) })
	t.group()
	t.res.Next = t.steps()
}

// check lets pkg/config judge the result. Secrets that are left out, and files
// that are not written yet, are not its concern: it gets others in their place.
func (t *translation) check() {
	written := map[string]bool{}
	for _, f := range t.res.files {
		written[f.Path] = true
	}
	stand := &Result{settings: map[string]setting{}}
	for key, s := range t.res.settings {
		plain := strings.TrimSuffix(key, "_file")
		if k, ok := lookupKey(plain); ok && k.FromFile && plain != key {
			s.value, key = "x", plain
			if _, isString := t.res.settings[plain]; isString {
				continue
			}
			if plain == "hec.proxy" {
				s.value = "direct"
			}
		}
		stand.settings[key] = s
	}
	for _, m := range t.res.Missing {
		if k, ok := lookupKey(m.Key); ok && (m.Secret || k.FromFile) {
			stand.settings[m.Key] = setting{value: "x"}
		}
	}
	loaded, err := config.LoadBytes(config.Source{}, orElse(t.opts.Name, "the result"), stand.YAML())
	if loaded != nil {
		for _, w := range loaded.Warnings { // the lines are not those of what is written
			t.res.Warnings = append(t.res.Warnings, regexp.MustCompile(`:\d+\)`).ReplaceAllString(w, ")"))
		}
	}
	for _, e := range errorsOf(err) {
		var known *config.Error
		if !errors.As(e, &known) {
			t.res.Mistakes = append(t.res.Mistakes, e.Error())
			continue
		}
		if slices.ContainsFunc(t.res.Missing, func(m Missing) bool { return m.Key == known.Key }) {
			continue
		}
		if k, ok := lookupKey(known.Key); ok && strings.HasPrefix(known.Text, "missing") || ok && known.Where == "" {
			t.missing(Missing{Key: known.Key, Secret: k.Secret, Text: t.why(k, known.Text)})
			continue
		}
		t.res.Mistakes = append(t.res.Mistakes, known.Key+": "+known.Text)
	}
}

// why says where a value that is missing usually stands.
func (t *translation) why(k config.Key, text string) string {
	if k.Secret {
		return giveSecret(k.Name)
	}
	if strings.HasPrefix(k.Name, "kafka.") && len(t.connector.order) > 0 && len(t.worker.order)+len(t.consumer.order) == 0 {
		if t.managed {
			return text + "; a managed connector's cluster is not in its configuration: see confluent kafka cluster describe"
		}
		return text + "; it stands in the worker's configuration (.properties, or CONNECT_… of its container): give that file too"
	}
	return text
}

func errorsOf(err error) []error {
	if err == nil {
		return nil
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var all []error
		for _, e := range joined.Unwrap() {
			all = append(all, errorsOf(e)...)
		}
		return all
	}
	return []error{err}
}

// group explains what going on in the connector's group means.
func (t *translation) group() {
	if len(t.connector.order) == 0 {
		return
	}
	say := func(format string, args ...any) { t.res.Notes = append(t.res.Notes, fmt.Sprintf(format, args...)) }
	switch {
	case t.res.Group != "":
		if len(t.res.Offsets) > 0 {
			say("the offsets that were given need not be set: a sink connector's are those of its consumer group, which is gone on with")
		}
		say("kafka.group_id is the connector's own group %q: forwarding goes on at the very next event behind what the connector has committed. "+
			"Stop the connector first. While its tasks are in the group, Kafka refuses the forwarder (both kinds of members would have to agree on how partitions are shared, and do not), "+
			"and the forwarder says so and tries again until they are gone. The credentials must be allowed to read that group", t.res.Group)
		if strategy := t.consumer.value("partition.assignment.strategy"); strings.Contains(strategy, ".StickyAssignor") {
			say("the connector shares partitions with the sticky strategy, as the forwarder does: Kafka would let both into one group, and each would send a part. Be sure that the connector is stopped")
		}
	case len(t.res.Offsets) > 0:
		_, others := t.readable()
		if len(others) > 0 {
			say("offsets of topics that the connector does not read are passed over: %s", strings.Join(others, ", "))
		}
		say("the group auditlog-forwarder has no offsets yet; the commands below set it to those that were given, and what they do not name starts at kafka.start")
	case t.opts.ContinueGroup:
		say("the connector's group could not be told; give it with --group-id (connect-<name>, or connect-lcc-… of a managed connector). " +
			"Without it the group auditlog-forwarder starts at kafka.start, and what the connector has sent already is sent again")
	default:
		say("the group auditlog-forwarder has no offsets yet: it starts at kafka.start, so that events the connector has sent already are sent again (earliest), or those in between are not sent at all (latest)")
	}
}

// steps are what to do next, in order.
func (t *translation) steps() (steps []string) {
	name := quoteShell(orElse(t.opts.Name, "config.yaml"))
	for _, m := range t.res.Missing {
		if !m.Secret {
			steps = append(steps, "give "+m.Key+" in "+name)
		}
	}
	for _, m := range t.res.Missing {
		if m.Secret {
			k, _ := lookupKey(m.Key)
			steps = append(steps, "export "+k.Env()+"=…   (or a file that "+fileKeyOf(m.Key)+" names)")
		}
	}
	check := "auditlog-forwarder check --config " + name
	if len(t.connector.order) > 0 {
		check += "   (it changes nothing, and may run beside the connector)"
	}
	steps = append(steps, check)
	if len(t.connector.order) > 0 {
		switch {
		case t.managed:
			steps = append(steps, "confluent connect cluster delete "+orElse(t.id, "<id>")+"   (a paused one may stay in the group; the group keeps its offsets for a week)")
		case t.res.Connector != "":
			steps = append(steps, "curl -X PUT http://<worker>:8083/connectors/"+url.PathEscape(t.res.Connector)+"/stop   (Kafka 3.5 or newer; else delete the connector, or stop the standalone worker)")
		default:
			steps = append(steps, "stop the connector")
		}
	}
	if t.res.Group == "" { // else they are the group's own already
		kept, _ := t.readable()
		steps = append(steps, offsetSteps(kept, orElse(t.opts.Name, "config.yaml"))...)
	}
	return append(steps, "auditlog-forwarder run --config "+name)
}

// shortDuration writes a duration without parts that are zero.
func shortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// Files are the secret files to be written.
func (r *Result) Files() []SecretFile { return slices.Clone(r.files) }

// Data returns what the file is to hold.
func (f SecretFile) Data() creds.Secret { return f.data }
