package app

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

func (r *rotator) token(loaded *config.Loaded, mistakes error) {
	const key = "hec.token"
	if r.to.hecToken == nil {
		return
	}
	if bad := config.About(mistakes, key); bad != nil {
		r.refuse(key, bad)
		return
	}
	from := ""
	if token := loaded.HEC.Token; !token.Equal(r.inUse.HEC.Token) {
		if !overlap(loaded.HEC.URLs, r.started.HEC.URLs) {
			r.refuse(key, elsewhere("hec.url"))
			return
		}
		r.to.hecToken(token)
		r.inUse.HEC.Token, from = token, loaded.Origin(key)
	}
	r.accept(key, from, loaded.Origin(key))
}

// cluster is whom SASL credentials are for.
type cluster struct {
	section string // of the configuration
	take    func(kafka.SASL)
	inUse   *kafka.SASL
	now     kafka.SASL
	usesNow bool        // SASL
	servers [2][]string // when it was started, and now
}

// sasl takes user name and password together: one without the other is wrong.
func (r *rotator) sasl(c cluster, loaded *config.Loaded, mistakes error) {
	key := c.section + ".sasl"
	name, password := key+".username", key+".password"
	if c.take == nil {
		return
	}
	if bad := errors.Join(config.About(mistakes, name), config.About(mistakes, password)); bad != nil {
		r.refuse(key, bad)
		return
	}
	var from []string
	if c.now.Username != c.inUse.Username {
		from = append(from, loaded.Origin(name))
	}
	if !c.now.Password.Equal(c.inUse.Password) {
		from = append(from, loaded.Origin(password))
	}
	if len(from) > 0 {
		var bad error
		switch {
		case !c.usesNow:
			bad = elsewhere(c.section + ".security_protocol")
		case !overlap(c.servers[0], c.servers[1]):
			bad = elsewhere(c.section + ".bootstrap_servers")
		}
		if bad != nil {
			r.refuse(key, bad)
			return
		}
		c.inUse.Username, c.inUse.Password = c.now.Username, c.now.Password
		c.take(*c.inUse)
	}
	r.accept(key, strings.Join(from, " and "), loaded.Origin(password))
}

// elsewhere says that new credentials belong to a configuration that does not
// run yet: they would end what works, and reach who is not to know them.
func elsewhere(key string) error {
	return fmt.Errorf("they have changed together with %s, which needs a restart; restart to use both", key)
}

// overlap reports whether two lists have something in common.
func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}

// tls has the files of one room read again, with the passwords of now. Paths
// stay as they were at the start.
func (r *rotator) tls(key string, take func(creds.TLS) error, inUse *creds.TLS, now creds.TLS, mistakes error, stale map[string]bool) {
	if take == nil {
		return
	}
	next := *inUse
	passwords := false
	var bad []error
	for _, p := range []struct {
		name string
		to   *creds.Secret
		now  creds.Secret
	}{
		{"truststore_password", &next.TruststorePassword, now.TruststorePassword},
		{"client_key_password", &next.ClientKeyPassword, now.ClientKeyPassword},
		{"keystore_password", &next.KeystorePassword, now.KeystorePassword},
	} {
		bad = append(bad, config.About(mistakes, key+"."+p.name))
		passwords = passwords || !p.to.Equal(p.now)
		*p.to = p.now
	}
	if err := errors.Join(bad...); err != nil {
		r.keep(*inUse, stale)
		r.refuse(key, err)
		return
	}
	var files []string
	for _, path := range next.Files() {
		if stale[path] {
			files = append(files, path)
		}
	}
	if len(files) == 0 && !passwords {
		r.accept(key, "", strings.Join(next.Files(), ", "))
		return
	}
	if err := take(next); err != nil {
		r.keep(next, stale)
		r.refuse(key, err)
		return
	}
	*inUse = next
	if len(files) == 0 {
		files = next.Files()
	}
	r.accept(key, strings.Join(files, ", "), "")
}

// keep leaves the files of t to the next look.
func (r *rotator) keep(t creds.TLS, stale map[string]bool) {
	for _, path := range t.Files() {
		if stale[path] {
			r.stale[path] = true
		}
	}
}

// refuse tells once that a credential cannot be read or used. The error names
// the file, and never holds a secret.
func (r *rotator) refuse(key string, err error) {
	text := err.Error()
	if r.refused[key] == text {
		return
	}
	r.refused[key] = text
	r.metrics.results.WithLabelValues(key, "refused").Inc()
	r.noteRefused()
	r.log.Warn("credentials cannot be re-read; what is in use stays in use, and it is tried again",
		zap.String("key", key), zap.String("reason", text), zap.Duration("every", lookEvery))
}

// accept tells that a credential was taken, or, if from is empty, that it was
// refused before and is again what is in use.
func (r *rotator) accept(key, from, origin string) {
	_, was := r.refused[key]
	delete(r.refused, key)
	r.noteRefused()
	switch {
	case from != "":
		r.metrics.results.WithLabelValues(key, "taken").Inc()
		text := fmt.Sprintf("%s re-read from %s", key, from)
		r.log.Info(text)
		text = fmt.Sprintf("%s at %s", text, time.Now().UTC().Format(time.RFC3339))
		r.last.Store(&text)
	case was && origin != "":
		r.log.Info(key + " can be read again, and has not changed: " + origin)
	case was:
		r.log.Info(key + " can be read again")
	}
}

// rotatorMetrics count what was rotated.
type rotatorMetrics struct {
	results *prometheus.CounterVec
	bad     prometheus.Gauge
}

func newRotatorMetrics(reg prometheus.Registerer) rotatorMetrics {
	m := rotatorMetrics{
		results: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "auditlog_forwarder_credentials_reread_total",
			Help: "Times that credentials or certificates have changed while running, and were taken or refused.",
		}, []string{"credential", "result"}),
		bad: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "auditlog_forwarder_credentials_refused",
			Help: "Credentials whose files cannot be read or used at this moment, so that older ones are in use.",
		}),
	}
	for _, credential := range []string{"hec.token", "hec.tls", "kafka.sasl", "kafka.tls", "dead_letter_topic.sasl", "dead_letter_topic.tls"} {
		for _, result := range []string{"taken", "refused"} {
			m.results.WithLabelValues(credential, result)
		}
	}
	reg.MustRegister(m.results, m.bad)
	return m
}
