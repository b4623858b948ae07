package hec

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// Problem says why Splunk takes no events.
type Problem struct {
	Class Class // Blocked or Transient
	err   error
}

func (p *Problem) Error() string { return p.err.Error() }

// Unwrap returns the cause.
func (p *Problem) Unwrap() error { return p.err }

// key names the problem without what differs from one try to the next, such
// as the request number on a load balancer's page.
func (p *Problem) key() string {
	var r *reply
	if errors.As(p.err, &r) && r.status != 0 {
		return fmt.Sprint(r.class, r.status, r.code, r.hint)
	}
	return p.Error()
}

// problem is the client's current state: one for all its lanes, so that an
// outage is told once and not once for each batch.
type problem struct {
	log  *zap.Logger
	tell func(error)
	wait string // what waits where meanwhile

	mu    sync.Mutex
	told  string // the key of what was told last; empty: Splunk takes events
	since time.Time
	tries int  // failed posts in a row, of all lanes
	asked bool // Splunk has taken something, or said that it would
}

// grumble is how many posts in a row must fail in passing before it is told:
// a single busy answer heals itself and would only make noise.
const grumble = 3

// works notes that Splunk takes events, or says that it would.
func (p *problem) works() {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.told != "":
		p.log.Info("splunk takes events again", zap.Duration("after", time.Since(p.since)), zap.Int("failed_posts", p.tries))
	case !p.asked:
		p.log.Info("splunk answers, and the token is good")
	default:
		p.tries = 0
		return
	}
	p.told, p.tries, p.asked = "", 0, true
	if p.tell != nil {
		p.tell(nil)
	}
}

// fails notes why it does not.
func (p *problem) fails(now *Problem) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tries++; p.tries == 1 {
		p.since = time.Now()
	}
	if now.key() == p.told || now.Class == Transient && p.tries < grumble {
		p.log.Debug("a post to splunk goes again", zap.Error(now))
		return
	}
	p.told = now.key()
	level := p.log.Warn
	if now.Class == Blocked {
		level = p.log.Error
	}
	level("splunk takes no events; "+p.wait, zap.String("class", now.Class.String()), zap.String("reason", now.Error()))
	if p.tell != nil {
		p.tell(now)
	}
}

// unanswered classifies a post that brought no answer.
func unanswered(err error) *reply {
	r := &reply{class: Transient, code: noCode, number: noNumber}
	// url.Error repeats the address, and "Post" tells nobody anything.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var (
		unknown  x509.UnknownAuthorityError
		name     x509.HostnameError
		invalid  x509.CertificateInvalidError
		roots    x509.SystemRootsError
		notTLS   tls.RecordHeaderError
		dns      *net.DNSError
		op       *net.OpError
		blocking = func(hint string) { r.class, r.hint = Blocked, hint }
	)
	r.text = err.Error()
	// Without the local ports, which would make every failure look new.
	if errors.As(err, &op) && op.Addr != nil {
		r.text = fmt.Sprintf("%s %s: %v", op.Op, op.Addr, op.Err)
	}
	if errors.As(err, &dns) {
		r.text = fmt.Sprintf("the name %s does not resolve", dns.Name)
	}
	switch {
	case errors.As(err, &unknown):
		blocking("the certificate comes from a CA that this machine does not know; give its PEM in hec.tls.ca_file")
	case errors.As(err, &name):
		blocking(fmt.Sprintf("the certificate is for %s; use one of these names in hec.url", names(name.Certificate)))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		blocking("renew Splunk's certificate, or check the clock of this machine")
	case errors.As(err, &invalid):
		blocking("the certificate is not valid for this use; get Splunk one for a server, from a CA")
	case errors.As(err, &roots):
		blocking("this machine has no CAs of its own; give Splunk's CA in hec.tls.ca_file")
	case errors.As(err, &notTLS), strings.Contains(r.text, "server gave HTTP response to HTTPS client"):
		blocking("the port speaks plain HTTP; use http:// in hec.url, or turn on TLS in Splunk's HEC settings")
	case strings.Contains(r.text, "remote error: tls:"):
		blocking("Splunk refused the TLS handshake; check that its TLS settings allow TLS 1.2 and ask for no client certificate")
	case dns != nil:
		r.hint = "check hec.url and DNS"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		r.hint = "no answer in hec.timeout; Splunk is slow, or a firewall drops the packets"
	case op != nil && op.Op == "dial":
		r.hint = "nothing listens there; check hec.url, that Splunk runs, and firewalls"
	default:
		r.hint = "the connection broke; if it lasts, look at Splunk, and at what stands before it"
	}
	return r
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// names lists what a certificate is for.
func names(cert *x509.Certificate) string {
	if cert == nil {
		return "other names"
	}
	all := append([]string{}, cert.DNSNames...)
	for _, ip := range cert.IPAddresses {
		all = append(all, ip.String())
	}
	if len(all) == 0 {
		return fmt.Sprintf("no name at all (its subject is %q, which does not count)", cert.Subject.CommonName)
	}
	return strings.Join(all, ", ")
}
