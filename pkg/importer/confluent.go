package importer

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// Start is what a first configuration is made of. What is given here goes
// before what files tell.
type Start struct {
	Bootstrap string
	Topic     string
	APIKey    string
	URL       string
	Index     string

	SecretsDir string
	Name       string

	apiSecret, token creds.Secret
	organisation     map[string]string // what the CLI told beside
	from             map[string]string // by our key: the file that told it
	res              *Result
}

// NewStart returns one that nothing was told.
func NewStart() *Start { return &Start{organisation: map[string]string{}, from: map[string]string{}} }

// KnowAPISecret takes the secret of the API key.
func (s *Start) KnowAPISecret(secret string) { s.apiSecret = creds.NewSecret(secret) }

// KnowToken takes Splunk's token.
func (s *Start) KnowToken(token string) { s.token = creds.NewSecret(token) }

// Confluent reads what the Confluent CLI printed as JSON: audit-log describe,
// kafka cluster describe, api-key create. What flags gave stays.
func (s *Start) Confluent(path string, data []byte) error {
	if len(data) > MaxFile {
		return fmt.Errorf("%s: has more than %d bytes; it is not what the CLI printed", path, MaxFile)
	}
	list, err := members(data)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	get := func(names ...string) string {
		for _, name := range names {
			if v := text(list, name); v != "" {
				return v
			}
		}
		return ""
	}
	take := func(into *string, key, v string) {
		if *into == "" {
			*into, s.from[key] = v, filepath.Base(path)
		}
	}
	cluster := ""
	switch {
	case get("topic_name", "topic") != "":
		take(&s.Topic, "kafka.topics", get("topic_name", "topic"))
		cluster = get("cluster", "cluster_id")
		s.organisation["environment"], s.organisation["service account"] = get("environment", "environment_id"), get("service_account", "service_account_id")
	case get("endpoint") != "":
		cluster = get("id")
		take(&s.Bootstrap, "kafka.bootstrap_servers", strings.Join(brokers(get("endpoint")), ","))
	case get("api_key", "key") != "":
		take(&s.APIKey, "kafka.sasl.username", get("api_key", "key"))
		if s.apiSecret.Empty() {
			s.apiSecret, s.from["kafka.sasl.password"] = creds.NewSecret(get("api_secret", "secret")), filepath.Base(path)
		}
	default:
		return fmt.Errorf("%s: is none of what is read; give the output of confluent audit-log describe -o json, confluent kafka cluster describe … -o json, or confluent api-key create … -o json", path)
	}
	if known := s.organisation["cluster"]; cluster != "" && known != "" && known != cluster {
		return fmt.Errorf("%s: tells of the cluster %s, but another file of %s; the audit log has a cluster of its own: run confluent environment use and confluent kafka cluster describe with its ids", path, cluster, known)
	}
	if cluster != "" {
		s.organisation["cluster"] = cluster
	}
	return nil
}

// Properties reads a file of a Java or librdkafka client.
func (s *Start) Properties(docs []Document) error {
	for _, d := range docs {
		if d.Kind == Connector || d.Kind == OffsetSet {
			return fmt.Errorf("%s: is of Kafka Connect; use connect import for it", d.Path)
		}
	}
	res, err := Import(docs, Options{SecretsDir: s.SecretsDir, Name: s.Name, ContinueGroup: true})
	if err != nil {
		return err
	}
	s.res = res
	if list, ok := res.settings["kafka.bootstrap_servers"].value.([]string); ok && s.Bootstrap == "" {
		s.Bootstrap = strings.Join(list, ",")
		s.from["kafka.bootstrap_servers"] = strings.Join(res.settings["kafka.bootstrap_servers"].from, ", ")
	}
	return nil
}

// HasUser reports whether it is known as whom Kafka is asked.
func (s *Start) HasUser() bool {
	if s.APIKey != "" {
		return true
	}
	return s.res != nil && (s.res.settings["kafka.sasl.username"].value != nil || s.res.settings["kafka.sasl.mechanism"].value == "OAUTHBEARER" ||
		s.res.settings["kafka.security_protocol"].value == "PLAINTEXT" || s.res.settings["kafka.security_protocol"].value == "SSL")
}

// HasPassword reports whether the password that belongs to it is known.
func (s *Start) HasPassword() bool {
	return !s.apiSecret.Empty() || s.res != nil && (s.res.settings["kafka.sasl.password_file"].value != nil || !s.HasUser() || s.res.settings["kafka.sasl.username"].value == nil)
}

// Result makes the configuration.
func (s *Start) Result() (*Result, error) {
	t := newTranslation(Options{SecretsDir: s.SecretsDir, Name: s.Name})
	if s.res != nil {
		t.res.Findings, t.res.Notes, t.res.settings, t.res.files = s.res.Findings, s.res.Notes, s.res.settings, s.res.files
	}
	for _, v := range []struct {
		key   string
		value string
		list  bool
	}{
		{"kafka.bootstrap_servers", s.Bootstrap, true},
		{"kafka.topics", s.Topic, true},
		{"kafka.sasl.username", s.APIKey, false},
		{"hec.url", s.URL, true},
		{"hec.index", s.Index, false},
	} {
		from := s.from[v.key]
		switch {
		case v.value == "":
		case v.list && v.key == "kafka.bootstrap_servers":
			t.put(v.key, brokers(v.value), from, "")
		case v.list:
			t.put(v.key, splitList(v.value), from, "")
		default:
			t.put(v.key, v.value, from, "")
		}
	}
	if s.res != nil { // a flag or another file may have told it meanwhile
		for _, m := range s.res.Missing {
			if _, told := t.res.settings[m.Key]; !told {
				t.missing(m)
			}
		}
	}
	for _, secret := range []struct {
		key   string
		value creds.Secret
	}{{"kafka.sasl.password", s.apiSecret}, {"hec.token", s.token}} {
		if secret.value.Empty() {
			continue
		}
		if s.SecretsDir == "" {
			return nil, errors.New("a secret is known and there is no folder to write it to; say --secrets-dir")
		}
		t.res.Missing = dropKey(t.res.Missing, secret.key)
		t.secret(Property{Where: orElse(s.from[secret.key], "asked for"), Name: "the secret"}, secret.key, secret.value, false)
	}
	for _, name := range []string{"cluster", "environment", "service account"} {
		if v := s.organisation[name]; v != "" {
			t.res.Notes = append(t.res.Notes, "the audit log's "+name+" is "+v)
		}
	}
	if cluster, env := s.organisation["cluster"], s.organisation["environment"]; cluster != "" && s.Bootstrap == "" {
		t.res.Notes = append(t.res.Notes, fmt.Sprintf("the broker's address is not in what was given; it is in: confluent environment use %s && confluent kafka cluster describe %s -o json   (give that to --from-confluent as well)",
			orElse(env, "<environment>"), cluster))
	}
	if sa := s.organisation["service account"]; sa != "" && s.APIKey == "" {
		t.res.Notes = append(t.res.Notes, fmt.Sprintf("make the API key with: confluent api-key create --service-account %s --resource %s -o json   (at most two may exist)",
			sa, orElse(s.organisation["cluster"], "<cluster>")))
	}
	t.finish()
	return t.res, nil
}

func dropKey(list []Missing, key string) (kept []Missing) {
	for _, m := range list {
		if m.Key != key {
			kept = append(kept, m)
		}
	}
	return kept
}
