package kafkatest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/sasl/plain"
)

// What lies in a server's folder.
const (
	caFile       = "ca.pem"
	keyStoreFile = "server.pem"
	dataDir      = "data"
	configFile   = "server.properties"
	log4jFile    = "log4j.properties"
	serverLog    = "server.log"
	outputLog    = "output.log"
)

// server is a broker with its folder, from before its first start to after
// its last stop.
type server struct {
	settings
	classpath string
	ca        *authority // nil without TLS
	clusterID string     // tells this broker from another that got its port first

	mu    sync.Mutex
	child *child // nil while the broker is stopped
}

func newServer(set settings, inst installation) *server {
	return &server{settings: set, classpath: inst.classpath(), clusterID: uuid.NewString()}
}

// startServer sets a broker up and starts it; on error nothing is left of it.
func startServer(ctx context.Context, opts options) (_ *server, err error) {
	inst, err := findInstallation()
	if err != nil {
		return nil, err
	}
	if err := inst.install(ctx); err != nil {
		return nil, err
	}
	set, err := newSettings(opts)
	if err != nil {
		return nil, err
	}
	if set.dir, err = os.MkdirTemp("", "kafkatest-"); err != nil {
		return nil, fmt.Errorf("make the broker's folder: %w", err)
	}
	s := newServer(set, inst)
	defer func() {
		if err != nil {
			err = errors.Join(err, s.remove())
		}
	}()
	if err := s.prepare(ctx); err != nil {
		return nil, err
	}
	if err := s.startFirst(ctx); err != nil {
		return nil, fmt.Errorf("%w; end of the broker's log:\n%s", err, s.logTail())
	}
	return s, nil
}

// startFirst starts the broker for the first time. Between the choice of a
// port and the broker's taking it another process may have it; then others are
// chosen, which is allowed only while nobody knows them.
func (s *server) startFirst(ctx context.Context) error {
	const attempts = 3
	var err error
	for range attempts {
		if err = s.start(ctx); err == nil {
			return s.prime(ctx)
		}
		if !s.portTaken() {
			return err
		}
		if err := errors.Join(s.choosePorts(), s.writeConfig(), os.Remove(s.path(serverLog))); err != nil {
			return err
		}
	}
	return err
}

// prime waits until the new broker keeps groups' offsets and numbers writers,
// for which it makes topics and elects leaders after it has begun to answer.
// What a client does until then is tried by tests with answers of their own.
func (s *server) prime(ctx context.Context) error {
	cl, err := kgo.NewClient(s.clientOpts()...)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	ask := func() (struct{}, error) {
		// One partition holds all groups' offsets; see fixedProperties.
		_, err := kadm.NewClient(cl).FetchOffsets(ctx, "kafkatest")
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return struct{}{}, err
		}
		numbered, err := kmsg.NewPtrInitProducerIDRequest().RequestWith(ctx, cl)
		if err == nil {
			err = kerr.ErrorForCode(numbered.ErrorCode)
		}
		return struct{}{}, err
	}
	if err := again(ctx, ask); err != nil {
		return fmt.Errorf("wait for the broker's coordinator: %w", err)
	}
	return nil
}

// portTaken reports whether the broker logged that a port was not free.
func (s *server) portTaken() bool {
	text, err := os.ReadFile(s.path(serverLog))
	return err == nil && bytes.Contains(text, []byte("java.net.BindException"))
}

func (s *settings) path(name string) string { return filepath.Join(s.dir, name) }

// prepare writes the broker's files and formats its data folder.
func (s *server) prepare(ctx context.Context) error {
	if s.opts.tls {
		var err error
		if s.ca, err = writeCertificates(s.path(caFile), s.path(keyStoreFile)); err != nil {
			return err
		}
	}
	if err := errors.Join(s.choosePorts(), s.writeConfig()); err != nil {
		return err
	}
	log4j := fmt.Sprintf(log4jProperties, s.path(serverLog))
	if s.opts.reauth > 0 {
		log4j += "log4j.logger.org.apache.kafka.common.security.authenticator.SaslServerAuthenticator=DEBUG\n"
	}
	if err := os.WriteFile(s.path(log4jFile), []byte(log4j), 0o600); err != nil {
		return fmt.Errorf("write the broker's log configuration: %w", err)
	}
	args := s.java("kafka.tools.StorageTool",
		"format", "--cluster-id", s.clusterID, "--config", s.path(configFile))
	if out, err := runTool(ctx, "java", args...); err != nil {
		return fmt.Errorf("format the broker's data folder: %w\n%s", err, out)
	}
	return nil
}

func (s *server) writeConfig() error {
	if err := os.WriteFile(s.path(configFile), []byte(s.properties()), 0o600); err != nil {
		return fmt.Errorf("write the broker's configuration: %w", err)
	}
	return nil
}

// java returns the arguments for java: those all runs share, then more. No
// broker here lives long enough to earn what the second compiler costs.
func (s *server) java(more ...string) []string {
	log4j := url.URL{Scheme: "file", Path: s.path(log4jFile)}
	return append([]string{
		"-cp", s.classpath, "-XX:+UseSerialGC", "-XX:-UsePerfData",
		"-Djava.awt.headless=true", "-XX:TieredStopAtLevel=1", "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + s.jwksURL(), "-Dlog4j.configuration=" + log4j.String(),
	}, more...)
}

// start starts the broker and waits until it answers.
func (s *server) start(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	out, err := os.OpenFile(s.path(outputLog), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the broker's output: %w", err)
	}
	defer out.Close() //nolint:errcheck // the child writes to its own descriptor
	c, err := startChild(ctx, out, "java", s.java("-Xms256m", "-Xmx512m", "-XX:+ExitOnOutOfMemoryError", "kafka.Kafka", s.path(configFile))...)
	if err != nil {
		return err
	}
	if err := s.await(ctx, c); err != nil {
		c.kill()
		return err
	}
	s.child = c
	return nil
}

// await returns when the broker answers as the leader of its cluster, or has
// ended, or when ctx ends.
func (s *server) await(ctx context.Context, c *child) error {
	// A port may be held by somebody who never answers. The context of a request
	// does not end the opening of its connection; this timeout does.
	const patience = 5 * time.Second
	cl, err := kgo.NewClient(append(s.clientOpts(), kgo.RequestTimeoutOverhead(patience))...)
	if err != nil {
		return fmt.Errorf("make a Kafka client: %w", err)
	}
	defer cl.Close()
	var last error
	ask := func() (struct{}, error) {
		select {
		case <-c.done:
			return struct{}{}, backoff.Permanent(errors.New("the broker ended before it answered"))
		default:
		}
		if s.portTaken() { // it takes its time to end then
			return struct{}{}, backoff.Permanent(errors.New("one of its ports is taken"))
		}
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		meta, err := kadm.NewClient(cl).BrokerMetadata(ctx)
		switch {
		case err != nil:
		case meta.Cluster != s.clusterID:
			err = fmt.Errorf("cluster %s answers instead of %s", meta.Cluster, s.clusterID)
		case len(meta.Brokers) != 1 || meta.Controller < 0:
			err = fmt.Errorf("the cluster has %d brokers and controller %d", len(meta.Brokers), meta.Controller)
		}
		last = err
		return struct{}{}, err
	}
	_, err = backoff.Retry(ctx, ask, backoff.WithBackOff(backoff.NewConstantBackOff(100*time.Millisecond)),
		backoff.WithMaxElapsedTime(0))
	if err != nil {
		return fmt.Errorf("wait for the broker at %s: %w", s.address(plaintext), errors.Join(err, last))
	}
	return nil
}

// clientOpts reach the broker as one who may do everything.
func (s *server) clientOpts() []kgo.Opt {
	opts := []kgo.Opt{
		// A request that is given up and sent again may be done twice.
		kgo.RequestTimeoutOverhead(requestTimeout),
		// Topics come at any time; by default it looks for them every five seconds.
		kgo.MetadataMinAge(50 * time.Millisecond),
	}
	if !s.opts.acls {
		return append(opts, kgo.SeedBrokers(s.address(plaintext)))
	}
	auth := plain.Auth{User: superUser, Pass: s.password}
	return append(opts, kgo.SeedBrokers(s.address(saslPlaintext)), kgo.SASL(auth.AsMechanism()))
}

func (s *server) stop() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return nil
	}
	err := s.child.stop()
	s.child = nil
	return err
}

func (s *server) kill() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child != nil {
		s.child.kill()
		s.child = nil
	}
}

func (s *server) signal(sig os.Signal) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.child == nil {
		return errors.New("it does not run")
	}
	return s.child.proc.Signal(sig)
}

// remove ends the broker, removes its folder, and gives its ports back.
func (s *server) remove() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var err error
	if s.child != nil {
		err = s.child.discard()
		s.child = nil
	}
	defer s.freePorts()
	if rmErr := os.RemoveAll(s.dir); rmErr != nil {
		err = errors.Join(err, fmt.Errorf("remove the broker's folder: %w", rmErr))
	}
	return err
}

// logTail returns the last lines of the broker's output and log.
func (s *server) logTail() string {
	const lines = 60
	var b bytes.Buffer
	for _, name := range []string{outputLog, serverLog} {
		text, err := os.ReadFile(s.path(name))
		if err != nil {
			continue // not written yet
		}
		all := strings.Split(strings.TrimSpace(string(text)), "\n")
		b.WriteString(strings.Join(all[max(0, len(all)-lines):], "\n") + "\n")
	}
	return b.String()
}
