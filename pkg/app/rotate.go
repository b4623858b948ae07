package app

import (
	"context"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

const (
	// lookEvery is how often the files are looked at. Events of the file
	// system would be sooner, and do not come where secrets live: on network
	// and FUSE mounts, and for a file that is bound into a container. Nobody
	// who rotates a credential withdraws the old one within seconds.
	lookEvery = 5 * time.Second
	// settleFor is how long the files must stay as they are before they are
	// read: whoever writes them may not be done, or has two of them to write.
	settleFor = time.Second
	// settleAtMost bounds that for files that never stay as they are.
	settleAtMost = 10
)

// takers take new credentials while events flow.
type takers struct {
	hecToken  func(creds.Secret)    // nil: this is a mirror
	hecTLS    func(creds.TLS) error // nil: TLS is not in use
	kafkaSASL func(kafka.SASL)      // nil: SASL is not in use
	kafkaTLS  func(creds.TLS) error // nil: TLS is not in use
	topicSASL func(kafka.SASL)      // nil: there is no dead-letter topic, or no SASL
	topicTLS  func(creds.TLS) error // nil: there is none, or no TLS

	mirrorSASL func(kafka.SASL)      // nil: this is no mirror, or no SASL
	mirrorTLS  func(creds.TLS) error // nil: this is none, or no TLS
}

// changes tells which files are not as they were at the last call.
type changes interface{ Changed() []string }

// rotator reads credentials again when their files change, and hands them to
// who uses them. What cannot be read or used changes nothing: what is in use
// stays, the reason is told once, and it is tried again at every look. All
// but ask and summary is for the one goroutine that runs it.
type rotator struct {
	load    func() (*config.Loaded, error)
	to      takers
	log     *zap.Logger
	watch   func(paths ...string) changes
	metrics rotatorMetrics

	started config.Config          // what runs, but for what was rotated since
	inUse   config.Config          // with what was rotated since
	certs   changes                // the files of TLS; which ones is settled at the start
	stale   map[string]bool        // of them, those that have changed and are not in use yet
	secrets changes                // the other files
	paths   []string               // what secrets looks at
	again   bool                   // something else has changed since the last reread
	refused map[string]string      // by credential: why it cannot be read, as last told
	restart string                 // keys that need a restart, as last told
	others  string                 // mistakes elsewhere, as last told
	asked   chan struct{}          // by ask; holds one
	last    atomic.Pointer[string] // what was taken last, for the status page
	bad     atomic.Pointer[string] // what is refused now, for the same
}

// newRotator begins to look at the files of cfg, so that no change is missed
// from here on. cfg has been loaded a moment ago.
func newRotator(cfg config.Config, load func() (*config.Loaded, error), log *zap.Logger, reg prometheus.Registerer) *rotator {
	r := &rotator{
		load: load, log: log, watch: func(paths ...string) changes { return creds.NewWatch(paths...) }, metrics: newRotatorMetrics(reg),
		started: cfg, inUse: cfg, stale: map[string]bool{}, refused: map[string]string{},
		asked: make(chan struct{}, 1),
	}
	r.certs = r.watch(slices.Concat(cfg.HEC.TLS.Files(), cfg.Kafka.TLS.Files(), cfg.DeadLetterTopic.TLS.Files(), cfg.Mirror.TLS.Files())...)
	r.secrets = r.watch()
	return r
}

// ask makes run read everything again now. It never blocks: asking twice
// before the answer is asking once.
func (r *rotator) ask() {
	select {
	case r.asked <- struct{}{}:
	default:
	}
}

// run looks at the files until ctx ends.
func (r *rotator) run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	r.reread(false) // the configuration was loaded before the files were looked at
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.asked:
			r.note()
			r.reread(true)
		case <-tick.C:
			if r.note() && !r.settle(ctx) {
				return
			}
			if r.again || len(r.stale) > 0 || len(r.refused) > 0 {
				r.reread(false)
			}
		}
	}
}

// note remembers which files have changed since the last look.
func (r *rotator) note() bool {
	certs, secrets := r.certs.Changed(), r.secrets.Changed()
	for _, path := range certs {
		r.stale[path] = true
	}
	r.again = r.again || len(secrets) > 0
	return len(certs)+len(secrets) > 0
}

// settle waits until nothing changes any more; false: ctx has ended.
func (r *rotator) settle(ctx context.Context) bool {
	for range settleAtMost {
		select {
		case <-ctx.Done():
			return false
		case <-time.After(settleFor):
		}
		if !r.note() {
			break
		}
	}
	return true
}

// lookAt changes which files of secrets are looked at. They may have changed
// between being read and being looked at, so they are read once more.
func (r *rotator) lookAt(paths []string) {
	slices.Sort(paths)
	if !slices.Equal(paths, r.paths) {
		r.paths, r.secrets, r.again = paths, r.watch(paths...), true
	}
}

// reread loads the configuration and applies what may change while running.
func (r *rotator) reread(asked bool) {
	loaded, err := r.load()
	if loaded == nil {
		r.refuse("configuration", err)
		return
	}
	r.accept("configuration", "", "")
	stale := r.stale
	r.stale, r.again = map[string]bool{}, false
	r.lookAt(loaded.SecretFiles())

	before := r.last.Load()
	r.token(loaded, err)
	topic := loaded.DeadLetterTopic
	r.sasl(cluster{
		"kafka", r.to.kafkaSASL, &r.inUse.Kafka.SASL, loaded.Kafka.SASL,
		loaded.Kafka.UsesSASL(),
		[2][]string{r.started.Kafka.BootstrapServers, loaded.Kafka.BootstrapServers},
	}, loaded, err)
	r.sasl(cluster{
		"dead_letter_topic", r.to.topicSASL, &r.inUse.DeadLetterTopic.SASL, topic.SASL,
		topic.UsesSASL(),
		[2][]string{r.started.DeadLetterTopic.BootstrapServers, topic.BootstrapServers},
	}, loaded, err)
	r.sasl(cluster{
		"mirror", r.to.mirrorSASL, &r.inUse.Mirror.SASL, loaded.Mirror.SASL,
		loaded.Mirror.UsesSASL(),
		[2][]string{r.started.Mirror.BootstrapServers, loaded.Mirror.BootstrapServers},
	}, loaded, err)
	r.tls("hec.tls", r.to.hecTLS, &r.inUse.HEC.TLS, loaded.HEC.TLS, err, stale)
	r.tls("kafka.tls", r.to.kafkaTLS, &r.inUse.Kafka.TLS, loaded.Kafka.TLS, err, stale)
	r.tls("dead_letter_topic.tls", r.to.topicTLS, &r.inUse.DeadLetterTopic.TLS, topic.TLS, err, stale)
	r.tls("mirror.tls", r.to.mirrorTLS, &r.inUse.Mirror.TLS, loaded.Mirror.TLS, err, stale)
	r.tellOthers(loaded, err, asked)
	if asked && r.last.Load() == before && len(r.refused) == 0 {
		r.log.Info("credentials re-read as asked; none has changed")
	}
}

// live are the keys that take effect without a restart.
func live() []string {
	keys := []string{
		"hec.token", "kafka.sasl.username", "kafka.sasl.password",
		"dead_letter_topic.sasl.username", "dead_letter_topic.sasl.password",
		"mirror.sasl.username", "mirror.sasl.password",
	}
	for _, tls := range []string{"hec.tls", "kafka.tls", "dead_letter_topic.tls", "mirror.tls"} {
		keys = append(keys, tls+".truststore_password", tls+".client_key_password", tls+".keystore_password")
	}
	return keys
}

// tellOthers tells what else differs from what runs, and what would stop the
// next start; each once, or when asked.
func (r *rotator) tellOthers(loaded *config.Loaded, mistakes error, asked bool) {
	differ := slices.DeleteFunc(config.Differences(r.started, loaded.Config), func(key string) bool {
		return slices.Contains(live(), key) || config.About(mistakes, key) != nil
	})
	if text := strings.Join(differ, ", "); text != r.restart || asked && text != "" {
		if r.restart = text; text != "" {
			r.log.Warn("the configuration differs from what runs; these keys need a restart", zap.Strings("keys", differ))
		}
	}
	var texts []string
	for _, m := range config.Mistakes(mistakes) {
		if !slices.ContainsFunc(live(), func(key string) bool { return config.About(m, key) != nil }) {
			texts = append(texts, m.Error())
		}
	}
	if text := strings.Join(texts, "; "); text != r.others || asked && text != "" {
		if r.others = text; text != "" {
			r.log.Warn("the configuration has mistakes now, and the next start would be refused; what runs goes on", zap.Strings("mistakes", texts))
		}
	}
}

// summary is the row of the status page; for any goroutine.
func (r *rotator) summary() string {
	text := "as at the start"
	if last := r.last.Load(); last != nil {
		text = *last
	}
	if bad := r.bad.Load(); bad != nil {
		text += "; NOT taken: " + *bad
	}
	return text
}

// noteRefused tells the metrics and the status page what is refused now.
func (r *rotator) noteRefused() {
	r.metrics.bad.Set(float64(len(r.refused)))
	if len(r.refused) == 0 {
		r.bad.Store(nil)
		return
	}
	var all []string
	for _, key := range slices.Sorted(maps.Keys(r.refused)) {
		all = append(all, key+", since "+r.refused[key])
	}
	text := strings.Join(all, "; ")
	r.bad.Store(&text)
}
