package hec

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"

	"auditlog-forwarder/pkg/creds"
)

// unanswered classifies a post that brought no answer.
func unanswered(err error) *reply {
	r := &reply{class: Transient, code: noCode, number: noNumber}
	var wait *awaited
	if errors.As(err, &wait) {
		r.unsent, r.uncertain = wait.got == gotNothing, wait.got == gotConnection
		err = wait.err
	}
	// url.Error repeats the address, and "Post" tells nobody anything.
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err
	}
	var (
		notTLS   tls.RecordHeaderError
		dns      *net.DNSError
		op       *net.OpError
		proxy    *proxyError
		blocked  *blockingError
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
	hint, ofTLS := creds.Explain(err, "hec.tls", "hec.url")
	switch {
	case errors.As(err, &blocked):
		blocking(blocked.hint)
	case errors.As(err, &proxy):
		r.byProxy(proxy.status)
	case op != nil && op.Op == "proxyconnect":
		r.text = "the proxy does not answer: " + strings.TrimPrefix(op.Err.Error(), "proxyconnect ")
		r.hint = "check hec.proxy, or HTTPS_PROXY and HTTP_PROXY"
	case ofTLS:
		blocking(hint)
	case errors.As(err, &notTLS), strings.Contains(r.text, "server gave HTTP response to HTTPS client"):
		blocking("the port speaks plain HTTP; use http:// in hec.url, or turn on TLS in Splunk's HEC settings")
	case r.unsent && strings.HasPrefix(r.text, "tls: "):
		blocking("check hec.tls, and what answers at hec.url")
	case dns != nil:
		r.hint = "check hec.url and DNS"
	case op != nil && op.Op != "dial" && errors.Is(err, syscall.ETIMEDOUT): // see vanished
		r.fresh, r.hint = true, "nothing that is sent is taken: the host is gone, a firewall drops the packets, or what listens there has stopped reading"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		// The connection may lead nowhere, and HTTP/2 would go on using it.
		r.fresh, r.hint = true, "no answer in hec.timeout; Splunk is slow, or a firewall drops the packets"
	case op != nil && op.Op == "dial":
		r.hint = "nothing listens there; check hec.url, that Splunk runs, and firewalls"
	default:
		r.hint = hintBroke
	}
	return r
}

const hintBroke = "the connection broke; if it lasts, look at Splunk, and at what stands before it"

// from completes it by the address that did not answer: Splunk's port hangs up on
// plain HTTP where it speaks TLS, which is its default.
func (r *reply) from(base *url.URL) {
	if r.hint == hintBroke && base.Scheme == "http" {
		r.hint = "the connection broke; if it never works, the port speaks TLS: use https:// in hec.url"
	}
}

// byProxy classifies what a proxy answered in place of connecting to Splunk.
func (r *reply) byProxy(status int) {
	r.class = Blocked
	switch {
	case status == http.StatusProxyAuthRequired:
		r.hint = hintProxyAuth
	case status >= 500:
		r.class, r.hint = Transient, "the proxy does not reach Splunk; check hec.url and the proxy's log"
	default:
		r.hint = "allow the proxy to connect to the host and port of hec.url"
	}
}

func isTimeout(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}
