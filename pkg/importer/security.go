package importer

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
)

func (t *translation) bootstrap(s *scope, p Property, _ rule) {
	prefix := s.prefix
	if prefix == "" { // kafka.endpoint of a managed connector
		prefix = "kafka"
	}
	t.set(p, prefix+".bootstrap_servers", brokers(p.Value), "")
}

func (t *translation) offsetReset(_ *scope, p Property, r rule) {
	switch strings.ToLower(p.Value) {
	case "earliest", "smallest", "beginning":
		t.set(p, "kafka.start", "earliest", "")
	case "latest", "largest", "end":
		t.set(p, "kafka.start", "latest", "")
	default:
		t.say(p, NotSupported, r.keys, "only earliest, latest and a point in time are known; kafka.start stays at earliest, so that nothing is passed over")
	}
}

func (t *translation) securityProtocol(s *scope, p Property, _ rule) {
	key := s.key("security_protocol")
	name := strings.ToUpper(p.Value) // librdkafka's are in small letters, and Java takes both
	if !allows(key, name) {
		t.wrong(p, key, "is no security protocol")
		return
	}
	t.set(p, key, name, "")
}

func (t *translation) mechanism(s *scope, p Property, _ rule) {
	key := s.key("sasl.mechanism")
	name := strings.ToUpper(p.Value)
	if allows(key, name) {
		t.set(p, key, name, "")
		return
	}
	k, _ := lookupKey(key)
	t.missing(Missing{Key: key, Text: "one of " + strings.Join(k.Values, ", ")})
	what := "it"
	if slices.Contains([]string{"GSSAPI", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER", "PLAIN"}, name) {
		what = name
	}
	t.say(p, NotSupported, []string{key}, fmt.Sprintf("%s is not spoken by this version; sign in with one of %s", what, strings.Join(k.Values, ", ")))
}

// only says that some values are what is done anyway.
func only(values ...string) func(*translation, *scope, Property, rule) {
	return func(t *translation, _ *scope, p Property, r rule) {
		if slices.Contains(values, strings.ToLower(p.Value)) {
			t.say(p, NotNeeded, nil, r.text)
			return
		}
		t.say(p, NotSupported, nil, r.text)
	}
}

func (t *translation) jaas(s *scope, p Property, r rule) {
	value := strings.TrimSpace(p.Value)
	if value == "" {
		t.say(p, NotNeeded, nil, "it is empty, as if it were not given")
		return
	}
	modules, err := parseJAAS(value)
	if err != nil {
		if ref := placeholder(value); ref != "" {
			t.missing(Missing{Key: s.key("sasl.username"), Text: elsewhere(ref)})
			t.missing(Missing{Key: s.key("sasl.password"), Secret: true, Text: giveSecret(s.key("sasl.password"))})
			t.say(p, FillIn, r.keys, elsewhere(ref)+"; put username and password into "+strings.Join(r.keys, " and "))
			return
		}
		t.missing(Missing{Key: s.key("sasl.username"), Text: "the user"})
		t.missing(Missing{Key: s.key("sasl.password"), Secret: true, Text: giveSecret(s.key("sasl.password"))})
		t.say(p, FillIn, r.keys, err.Error())
		return
	}
	m := modules[0]
	switch m.name() {
	case "PlainLoginModule", "ScramLoginModule":
		t.jaasUser(s, p, r, m)
	case "OAuthBearerLoginModule":
		t.jaasOAuth(s, p, m)
	case "Krb5LoginModule":
		t.say(p, NotSupported, nil, "Kerberos is not spoken; use SASL/PLAIN, SCRAM or certificates")
	default:
		t.say(p, NotSupported, nil, "a login module that is code in Java and not known here; give the credentials as "+s.key("sasl.username")+" and "+s.key("sasl.password_file"))
	}
	for _, more := range modules[1:] {
		t.say(p, NotSupported, nil, "a second login module ("+shortClass(more.name())+") is passed over")
	}
}

func (t *translation) jaasUser(s *scope, p Property, r rule, m jaasModule) {
	user, password := m.options["username"], m.options["password"]
	open := []string{}
	if ref := placeholder(user); ref != "" || user == "" {
		t.missing(Missing{Key: s.key("sasl.username"), Text: "the user that " + orElse(ref, "the JAAS text") + " stands for"})
		open = append(open, "username")
	} else {
		t.put(s.key("sasl.username"), user, p.Where+": "+p.Name+" (username)", "")
	}
	key := s.key("sasl.password")
	switch ref := placeholder(password); {
	case ref == "" && password != "":
		t.secret(p, key, creds.NewSecret(password), false)
		if t.opts.SecretsDir == "" {
			open = append(open, "password")
		}
	default:
		if path, whole := wholeFile(password); whole {
			t.put(fileKeyOf(key), path, p.Where+": "+p.Name+" (password)", "copy the file to the forwarder's host")
			break
		}
		t.missing(Missing{Key: key, Secret: true, Text: giveSecret(key)})
		open = append(open, strings.TrimSpace("password "+ref))
	}
	for _, name := range slices.Sorted(keysOf(m.options)) {
		if name != "username" && name != "password" && name != "serviceName" {
			t.say(Property{Name: p.Name + " (" + shortClass(name) + ")", Where: p.Where}, NotSupported, nil, "an option of the login module that has no effect here")
		}
	}
	if len(open) == 0 {
		t.say(p, Translated, r.keys, "user and password of "+m.name())
		return
	}
	t.say(p, FillIn, r.keys, fmt.Sprintf("%s of %s: not in the configuration; %s", strings.Join(open, " and "), m.name(), giveSecret(key)))
}

// jaasOAuth takes a client's credentials for OIDC.
func (t *translation) jaasOAuth(s *scope, p Property, m jaasModule) {
	extensions := []string{}
	for _, name := range slices.Sorted(keysOf(m.options)) {
		part := Property{Name: p.Name + " (" + shortClass(name) + ")", Where: p.Where, Value: m.options[name]}
		extension, isExtension := strings.CutPrefix(name, "extension_")
		switch {
		case name == "clientId":
			t.oauth(s, part, "client_id")
		case name == "clientSecret":
			oauthSecret(t, s, part, rule{})
		case name == "scope":
			t.oauth(s, part, "scope", "scopes")
		case extension == "logicalCluster" && oauthKey(s.prefix, "logical_cluster") != "":
			t.oauth(s, part, "logical_cluster")
		case extension == "identityPoolId" && oauthKey(s.prefix, "identity_pool") != "":
			t.oauth(s, part, "identity_pool")
		case isExtension && oauthKey(s.prefix, "extensions") != "" && placeholder(part.Value) == "":
			extensions = append(extensions, extension+"="+part.Value)
			t.say(part, Translated, []string{oauthKey(s.prefix, "extensions")}, "")
		case isExtension:
			t.oauth(s, part, "extensions")
		default:
			t.say(part, NotSupported, nil, "an option of the login module that has no effect here")
		}
	}
	if key := oauthKey(s.prefix, "extensions"); key != "" && len(extensions) > 0 {
		t.put(key, extensions, p.Where+": "+p.Name, "")
	}
	verdict := Translated
	if oauthKey(s.prefix, "client_id") == "" {
		verdict = NotSupported
	}
	t.say(p, verdict, nil, "its options are named one by one")
}

// oauthKey finds which of the names this version has for OAUTHBEARER.
func oauthKey(prefix string, names ...string) string {
	keys := config.Keys()
	for _, name := range names {
		key := prefix + ".sasl.oauth." + name
		if slices.ContainsFunc(keys, func(k config.Key) bool { return k.Name == key }) {
			return key
		}
	}
	return ""
}

// oauthRule is a rule for a setting of OAUTHBEARER, as far as there is a key.
func oauthRule(name, text string, secret bool, names ...string) rule {
	r := rule{name: name, verdict: NotSupported, text: "OAUTHBEARER is not spoken by this version"}
	if key := oauthKey("kafka", names...); key != "" {
		r.verdict, r.text = Translated, text
		r.keys = []string{strings.Replace(key, "kafka.", "{}.", 1)}
		if secret {
			r.keys[0] = fileKeyOf(r.keys[0])
		}
	}
	r.apply = func(t *translation, s *scope, p Property, _ rule) { t.oauth(s, p, names...) }
	if secret {
		r.apply = oauthSecret
	}
	return r
}

func (t *translation) oauth(s *scope, p Property, names ...string) {
	key := oauthKey(s.prefix, names...)
	if key == "" {
		t.say(p, NotSupported, nil, "OAUTHBEARER with this setting is not spoken by this version; sign in with an API key")
		return
	}
	if ref := placeholder(p.Value); ref != "" {
		t.fillIn(p, rule{keys: []string{key}}, ref)
		return
	}
	if u, err := url.Parse(p.Value); err == nil && u.User != nil {
		t.wrong(p, key, "holds a user")
		return
	}
	if k, _ := lookupKey(key); k.Kind.String() == "list" {
		t.extensions(s, p, key)
		return
	}
	t.set(p, key, p.Value, "")
}

// extensions divides librdkafka's list name=value,…; what Confluent Cloud
// reads has keys of its own.
func (t *translation) extensions(s *scope, p Property, key string) {
	var keys, others []string
	for _, pair := range splitList(p.Value) {
		name, value, _ := strings.Cut(pair, "=")
		own := map[string]string{"logicalCluster": oauthKey(s.prefix, "logical_cluster"), "identityPoolId": oauthKey(s.prefix, "identity_pool")}[name]
		if own == "" {
			others = append(others, pair)
			continue
		}
		t.put(own, value, p.Where+": "+p.Name, "")
		keys = append(keys, own)
	}
	if len(others) > 0 {
		t.put(key, others, p.Where+": "+p.Name, "")
		keys = append(keys, key)
	}
	t.say(p, Translated, keys, "")
}

func oauthSecret(t *translation, s *scope, p Property, _ rule) {
	key := oauthKey(s.prefix, "client_secret")
	switch ref := placeholder(p.Value); {
	case key == "":
		t.say(p, NotSupported, nil, "OAUTHBEARER is not spoken by this version; sign in with an API key")
	case ref != "":
		t.fillIn(p, rule{keys: []string{fileKeyOf(key)}}, ref)
	default:
		t.secret(p, key, creds.NewSecret(p.Value), true)
	}
}

func (t *translation) truststore(s *scope, p Property, _ rule) {
	if strings.EqualFold(s.value("ssl.truststore.type"), "PEM") {
		t.set(p, s.key("tls.ca_file"), p.Value, "copy the file to the forwarder's host")
		return
	}
	t.set(p, s.key("tls.truststore_file"), p.Value, "copy the file to the forwarder's host")
}

func (t *translation) keystore(s *scope, p Property, _ rule) {
	if strings.EqualFold(s.value("ssl.keystore.type"), "PEM") {
		t.put(s.key("tls.client_key_file"), p.Value, p.Where+": "+p.Name, "")
		t.set(p, s.key("tls.client_cert_file"), p.Value, "certificate and key stand in one file; copy it to the forwarder's host")
		return
	}
	t.set(p, s.key("tls.keystore_file"), p.Value, "copy the file to the forwarder's host")
}

// pemTo writes PEM that stands in a property to a file.
func pemTo(name string) func(*translation, *scope, Property, rule) {
	return func(t *translation, s *scope, p Property, _ rule) {
		key := s.key(name)
		if t.opts.SecretsDir == "" {
			t.missing(Missing{Key: key, Text: "a file with the PEM of " + p.Name})
			t.say(p, FillIn, []string{key}, "it holds PEM itself, which is not written without --secrets-dir; write it to a file and name that")
			return
		}
		path := t.file(strings.TrimSuffix(slug(key), "-file")+".pem", creds.NewSecret(p.Value+"\n"))
		t.set(p, key, path, "written to "+path)
	}
}

func (t *translation) endpointIdentification(s *scope, p Property, r rule) {
	if value := strings.TrimSpace(p.Value); value != "" && !strings.EqualFold(value, "none") {
		t.say(p, NotNeeded, nil, "the name in the certificate is always checked")
		return
	}
	t.say(p, NotSupported, []string{s.key("tls.server_name"), s.key("tls.pinned_sha256")}, r.text)
}

func (t *translation) tlsVersions(s *scope, p Property, r rule) {
	if list := splitList(p.Value); len(list) == 1 && list[0] == "TLSv1.3" {
		t.set(p, s.key("tls.min_version"), "1.3", "")
		return
	}
	t.say(p, NotNeeded, nil, "TLS 1.2 and 1.3 are spoken, and nothing older")
	_ = r
}

func (t *translation) loginHandler(_ *scope, p Property, _ rule) {
	if strings.HasSuffix(p.Value, "OAuthBearerLoginCallbackHandler") {
		t.say(p, NotNeeded, nil, "tokens are fetched by client credentials without it")
		return
	}
	t.say(p, NotSupported, nil, "code in Java cannot be run; sign in with an API key or with client credentials")
}

func (t *translation) verification(s *scope, p Property, _ rule) {
	key := s.key("tls.insecure_skip_verify")
	if strings.EqualFold(p.Value, "false") {
		t.set(p, key, true, "anybody on the way can read the password; better give "+s.key("tls.ca_file"))
		return
	}
	t.set(p, key, false, "")
}
