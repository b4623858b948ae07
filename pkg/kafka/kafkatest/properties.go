package kafkatest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"maps"
	mathrand "math/rand/v2"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The listeners; those that are no protocols speak SSL, and the controller's.
const (
	plaintext     = "PLAINTEXT"
	ssl           = "SSL"
	saslPlaintext = "SASL_PLAINTEXT"
	saslSSL       = "SASL_SSL"
	mtls          = "MTLS"
	controller    = "CONTROLLER"
)

// superUser is who Admin, Client and the broker itself are under WithACLs.
const superUser = "kafkatest-admin"

// sessionTimeout is how long the controller waits for a silent broker. A
// killed broker may not register again before that, yet a busy machine must
// not make it pass by itself.
const sessionTimeout = "6000"

// settings is what server.properties is written from. Apart from the ports,
// which a conflict at the first start may change, it never changes.
type settings struct {
	opts     options
	dir      string // the server's folder
	password string // of superUser
	ports    map[string]int
	held     []io.Closer // keep other brokers of tests away from the ports
}

func newSettings(opts options) (settings, error) {
	for user, password := range opts.users {
		if !regexp.MustCompile(`^[A-Za-z0-9-]+$`).MatchString(user) {
			return settings{}, fmt.Errorf("user %q: only letters, digits and hyphens can be written into the broker's JAAS configuration", user)
		}
		if user == superUser {
			return settings{}, fmt.Errorf("user %q is the super user of kafkatest; take another name", user)
		}
		if !regexp.MustCompile(`^[ -~]+$`).MatchString(password) {
			return settings{}, fmt.Errorf("user %q: the password must be printable ASCII and not empty", user)
		}
	}
	return settings{opts: opts, password: rand.Text()}, nil
}

// protocols returns every listener with its security protocol.
func (s *settings) protocols() map[string]string {
	p := map[string]string{plaintext: plaintext, controller: plaintext}
	if s.opts.tls {
		p[ssl] = ssl
		p[saslSSL] = saslSSL
		p[saslPlaintext] = saslPlaintext
	}
	if s.opts.mtls {
		p[mtls] = ssl
	}
	if s.opts.acls {
		// Under ACLs the broker has to prove to itself that it is the super user.
		p[saslPlaintext] = saslPlaintext
		p[controller] = saslPlaintext
	}
	return p
}

func (s *settings) address(listener string) string {
	port, ok := s.ports[listener]
	if !ok {
		return ""
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// choosePorts gives every listener a port that is free now. The ports lie
// below those that systems hand out to outgoing connections: a client that
// dials a stopped broker's port could otherwise be given that very port, meet
// itself, and keep the broker from coming back. They stay ours while the broker
// is stopped, as far as other brokers of tests are concerned.
func (s *settings) choosePorts() error {
	const lowest, highest, attempts = 15000, 32000, 1000
	s.freePorts()
	s.ports = map[string]int{}
	for name := range s.protocols() {
		for range attempts {
			port := lowest + mathrand.IntN(highest-lowest)
			if slices.Contains(slices.Collect(maps.Values(s.ports)), port) {
				continue
			}
			held, err := holdPort(port)
			if err != nil {
				continue
			}
			s.held = append(s.held, held)
			ln, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
			if err != nil {
				continue
			}
			if err := ln.Close(); err != nil {
				return fmt.Errorf("free port %d again: %w", port, err)
			}
			s.ports[name] = port
			break
		}
		if s.ports[name] == 0 {
			return errors.New("no free port found for the broker")
		}
	}
	return nil
}

// freePorts lets other brokers of tests have the ports.
func (s *settings) freePorts() {
	for _, held := range s.held {
		_ = held.Close() // it has no other end
	}
	s.held = nil
}

// properties returns the text of server.properties.
func (s *settings) properties() string {
	var lines []string
	set := func(key, value string) {
		// In this format a backslash escapes.
		lines = append(lines, key+"="+strings.ReplaceAll(value, `\`, `\\`))
	}
	var listeners, advertised, protocols []string
	for _, name := range slices.Sorted(maps.Keys(s.protocols())) {
		protocol := s.protocols()[name]
		listeners = append(listeners, name+"://"+s.address(name))
		protocols = append(protocols, name+":"+protocol)
		if name != controller {
			advertised = append(advertised, name+"://"+s.address(name))
		}
		if strings.HasPrefix(protocol, "SASL_") {
			set("listener.name."+strings.ToLower(name)+".plain.sasl.jaas.config", s.jaas())
			if name != controller {
				s.setMechanisms("listener.name."+strings.ToLower(name)+".", set)
			}
		}
	}
	set("process.roles", "broker,controller")
	set("node.id", "1")
	set("controller.quorum.voters", "1@"+s.address(controller))
	set("controller.listener.names", controller)
	set("listeners", strings.Join(listeners, ","))
	set("advertised.listeners", strings.Join(advertised, ","))
	set("listener.security.protocol.map", strings.Join(protocols, ","))
	set("sasl.enabled.mechanisms", "PLAIN")
	s.setClients(set)
	if s.opts.tls {
		set("ssl.keystore.type", "PEM")
		set("ssl.keystore.location", s.path(keyStoreFile))
	}
	if s.opts.acls {
		set("inter.broker.listener.name", saslPlaintext)
		set("sasl.mechanism.inter.broker.protocol", "PLAIN")
		set("sasl.mechanism.controller.protocol", "PLAIN")
		set("authorizer.class.name", "org.apache.kafka.metadata.authorizer.StandardAuthorizer")
		set("super.users", "User:"+superUser)
		set("allow.everyone.if.no.acl.found", "false")
	} else {
		set("inter.broker.listener.name", plaintext)
	}
	set("log.dirs", s.path(dataDir))
	return strings.Join(lines, "\n") + "\n" + fixedProperties
}

// jaas names the users that PLAIN knows, and the one the broker itself is.
func (s *settings) jaas() string {
	quote := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace
	var b strings.Builder
	b.WriteString("org.apache.kafka.common.security.plain.PlainLoginModule required")
	fmt.Fprintf(&b, ` username="%s" password="%s" user_%s="%s"`, superUser, s.password, superUser, s.password)
	for _, user := range slices.Sorted(maps.Keys(s.opts.users)) {
		fmt.Fprintf(&b, ` user_%s="%s"`, user, quote(s.opts.users[user]))
	}
	return b.String() + ";"
}

// fixedProperties make one node enough, starts and rebalances quick, and keep
// records until a test deletes them.
const fixedProperties = `
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=` + sessionTimeout + `
num.network.threads=2
num.io.threads=4
background.threads=2
log.cleaner.enable=false

auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=2
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000

log.retention.ms=-1
log.retention.bytes=-1
log.retention.check.interval.ms=1000
log.initial.task.delay.ms=1000
log.segment.delete.delay.ms=1000
`

// log4jProperties send the broker's log to a file; %s is its path.
const log4jProperties = `log4j.rootLogger=INFO, file
log4j.logger.kafka.server.KafkaConfig=WARN
log4j.logger.org.apache.kafka.common.config.AbstractConfig=WARN
log4j.appender.file=org.apache.log4j.FileAppender
log4j.appender.file.File=%s
log4j.appender.file.layout=org.apache.log4j.PatternLayout
log4j.appender.file.layout.ConversionPattern=%%d %%p %%m (%%c)%%n
`
