package app

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/zap"

	"auditlog-forwarder/pkg/config"
	"auditlog-forwarder/pkg/hec"
	"auditlog-forwarder/pkg/kafka"
)

// Status says how a step of a check ended.
type Status string

// The ends of a step. A warning is no failure yet; what was skipped could not
// be tried.
const (
	StatusOK      Status = "ok"
	StatusWarning Status = "warning"
	StatusFailed  Status = "failed"
	StatusSkipped Status = "skipped"
)

// The steps, by the names that people and scripts see.
const (
	stepConfiguration = "configuration"
	stepFolder        = "dead-letter folder"
	stepDeadLetters   = "dead letters"
	stepTopic         = "dead-letter topic"
	stepKafkaCert     = "kafka certificate"
	stepKafkaToken    = "kafka token"
	stepKafkaBroker   = "kafka broker"
	stepKafkaTopic    = "kafka topic"
	stepKafkaGroup    = "kafka group"
	stepKafkaRead     = "kafka read"
	stepSplunkCert    = "splunk certificate"
	stepSplunkHealth  = "splunk health"
	stepSplunkToken   = "splunk token"
)

// Step is one thing that Check has tried or could not try.
type Step struct {
	Name   string `json:"name"`
	Status Status `json:"status"`
	OK     bool   `json:"ok"`              // false only for what failed
	Found  string `json:"found,omitempty"` // what is there, or what is wrong
	Fix    string `json:"fix,omitempty"`   // what to do about it; always there for what failed
}

// warning is what has to be looked after and is no failure yet.
type warning struct{ found, fix string }

func (w *warning) Error() string { return w.found + "; " + w.fix }

// room is the part of a check whose steps rest on each other.
type room struct {
	steps []Step
}

// report notes one step. Our errors say what is wrong, then, behind a
// semicolon, what to do.
func (r *room) report(name, found string, err error) {
	step := Step{Name: name, Status: StatusOK, OK: true, Found: found}
	var (
		notTried *kafka.NotTriedError
		warned   *warning
	)
	switch {
	case errors.As(err, &warned):
		step.Status, step.Found, step.Fix = StatusWarning, warned.found, warned.fix
	case errors.As(err, &notTried):
		step.Status, step.Found = StatusSkipped, notTried.Why
	case err != nil:
		step.Status, step.OK = StatusFailed, false
		step.Found, step.Fix, _ = strings.Cut(err.Error(), "; ")
		if step.Fix == "" {
			step.Fix = defaultFix(name)
		}
	case name == stepKafkaCert || name == stepSplunkCert:
		step.certificate()
	}
	r.steps = append(r.steps, step)
}

// certificate judges the days that a certificate has left.
func (s *Step) certificate() {
	// Time enough to get a new one through most organisations.
	const enough = 21
	text := strings.Fields(strings.TrimSuffix(s.Found, " days left"))
	days := enough
	if len(text) == 0 {
		return
	}
	if _, err := fmt.Sscan(text[len(text)-1], &days); err != nil {
		return
	}
	switch {
	case days < 0: // seen only if certificates are not checked
		s.Status, s.OK, s.Fix = StatusFailed, false, "it has expired; renew it"
	case days < enough:
		s.Status, s.Fix = StatusWarning, "renew it before it ends; then nothing flows any more"
	}
}

// complete returns the steps in the order of want, with a row for each that
// could not be tried.
func (r *room) complete(want []string) []Step {
	why := "not tried"
	for _, s := range r.steps {
		if !s.OK {
			why = fmt.Sprintf("not tried, since %s failed", s.Name) // the last one is what the rest lacks
		}
	}
	var all []Step
	for _, name := range want {
		before := len(all)
		for _, s := range r.steps {
			if s.Name == name {
				all = append(all, s)
			}
		}
		if len(all) == before {
			all = append(all, skipped(name, why))
		}
	}
	for _, s := range r.steps {
		if !slices.Contains(want, s.Name) {
			all = append(all, s)
		}
	}
	return all
}

func skipped(name, why string) Step {
	return Step{Name: name, Status: StatusSkipped, OK: true, Found: why}
}

func storeSteps(cfg config.Config) []string {
	steps := []string{stepFolder, stepDeadLetters}
	if cfg.DeadLetterTopic.Enabled() {
		steps = append(steps, stepTopic)
	}
	return steps
}

func kafkaSteps(cfg kafka.Config) []string {
	steps := []string{stepKafkaBroker, stepKafkaTopic, stepKafkaGroup, stepKafkaRead}
	if cfg.UsesSASL() && cfg.SASL.Mechanism == kafka.OAuthBearer {
		steps = slices.Insert(steps, 0, stepKafkaToken)
	}
	if cfg.UsesTLS() {
		steps = slices.Insert(steps, 0, stepKafkaCert)
	}
	return steps
}

func splunkSteps(cfg hec.Config) []string {
	steps := []string{stepSplunkHealth, stepSplunkToken}
	if cfg.UsesTLS() {
		steps = slices.Insert(steps, 0, stepSplunkCert)
	}
	return steps
}

// Check tries everything that forwarding needs, without forwarding, joining
// the group, indexing anything or leaving a file behind.
func Check(ctx context.Context, cfg config.Config, version string) []Step {
	steps := []Step{{Name: stepConfiguration, Status: StatusOK, OK: true, Found: "valid" + rulesFound(cfg)}}
	var store, broker room
	checkDeadLetters(cfg.DeadLetter, store.report)
	if cfg.DeadLetterTopic.Enabled() {
		found, err := kafka.CheckTopic(ctx, cfg.DeadLetterTopic)
		store.report(stepTopic, found, err)
	}
	steps = append(steps, store.complete(storeSteps(cfg))...)
	kafka.Check(ctx, cfg.Kafka, broker.report)
	steps = append(steps, broker.complete(kafkaSteps(cfg.Kafka))...)
	return append(steps, checkSplunk(ctx, cfg.HEC, version)...)
}

// CheckRefused is what Check amounts to with a configuration that is refused:
// one failed step for each mistake, and nothing else could be tried.
func CheckRefused(cfg config.Config, mistakes error) []Step {
	var all room
	for _, err := range config.Mistakes(mistakes) {
		all.report(stepConfiguration, "", err)
	}
	steps := all.steps
	for _, name := range slices.Concat(storeSteps(cfg), kafkaSteps(cfg.Kafka), splunkSteps(cfg.HEC)) {
		steps = append(steps, skipped(name, "not tried, since the configuration is invalid"))
	}
	return steps
}

// checkSplunk tries each address by itself, all at once, and returns the rows
// of one after those of the other. Of several, each row names its address.
func checkSplunk(ctx context.Context, cfg hec.Config, version string) []Step {
	if cfg.UsesTLS() { // what is wrong with the files is wrong once
		if _, err := cfg.TLS.Config(""); err != nil {
			var all room
			all.report(stepSplunkCert, "", fmt.Errorf("hec.tls.%w", err))
			return all.complete(splunkSteps(cfg))
		}
	}
	found := make([][]Step, len(cfg.URLs))
	var waiting sync.WaitGroup
	for i, address := range cfg.URLs {
		waiting.Go(func() {
			one := cfg
			one.URLs = []string{address}
			found[i] = checkAddress(ctx, one, version)
			if len(cfg.URLs) > 1 {
				nameAddress(found[i], address)
			}
		})
	}
	waiting.Wait()
	return slices.Concat(found...)
}

// checkAddress tries the only address of cfg.
func checkAddress(ctx context.Context, cfg hec.Config, version string) []Step {
	var one room
	client, err := hec.New(cfg, hec.Options{Version: version, Log: zap.NewNop(), Registerer: prometheus.NewRegistry()})
	if err != nil {
		one.report(stepSplunkHealth, "", err)
	} else {
		defer client.Close()
		client.Check(ctx, one.report)
	}
	return one.complete(splunkSteps(cfg))
}

// nameAddress puts an address into the rows that do not name it.
func nameAddress(steps []Step, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	for i := range steps {
		if !strings.Contains(steps[i].Found, u.Host) {
			steps[i].Found = u.Host + ": " + steps[i].Found
		}
	}
}

// defaultFix is what to do when the error itself does not say it.
func defaultFix(step string) string {
	switch step {
	case stepConfiguration:
		return "correct it; auditlog-forwarder config print shows what is in effect, config init writes an example"
	case stepFolder:
		return "give dead_letter.dir a folder that this user may write"
	case stepDeadLetters:
		return "look at dead-letter.jsonl in dead_letter.dir; auditlog-forwarder deadletter list shows what can be read"
	case stepTopic:
		return "check dead_letter_topic.name and dead_letter_topic.bootstrap_servers, and that this principal may WRITE and DESCRIBE the topic"
	case stepDestination:
		return "check mirror.bootstrap_servers, mirror.security_protocol and that cluster's log"
	case stepKafkaCert:
		return "check kafka.tls.ca_file or kafka.tls.truststore_file, kafka.bootstrap_servers and kafka.security_protocol"
	case stepKafkaToken:
		return "check kafka.sasl.oauth, and the identity provider's log"
	case stepKafkaTopic:
		return "check kafka.topics or kafka.topic_pattern, and that this principal may READ and DESCRIBE the topics"
	case stepKafkaGroup:
		return "check kafka.group_id, and that this principal may READ the group"
	case stepKafkaRead:
		return "check that this principal may READ the topic, and the broker's log"
	case stepSplunkCert:
		return "check the files of hec.tls, and hec.url"
	case stepSplunkHealth:
		return "check hec.url, and in Splunk's splunkd.log why HEC takes nothing"
	case stepSplunkToken:
		return "check hec.token and hec.url, and in Splunk's splunkd.log why the post was refused"
	default:
		return "check kafka.bootstrap_servers, kafka.security_protocol and the broker's log"
	}
}
