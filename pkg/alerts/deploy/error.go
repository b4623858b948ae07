package deploy

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// Error is why Splunk did not do what was asked, and what to do next.
type Error struct {
	Status int    // of the answer; 0: there was none
	Text   string // never holds a secret
	Hint   string // may be empty

	again bool // the same may work a moment later
	never bool // the request did not reach Splunk
	late  bool // no answer came in time
	cause error
}

// Error implements error.
func (e *Error) Error() string {
	if e.Hint == "" {
		return e.Text
	}
	return e.Text + "; " + e.Hint
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// usePackage is the way without the API.
const usePackage = "auditlog-forwarder alerts package builds the same alerts as an app to install"

// unanswered says why a request brought no answer.
func unanswered(err error, host string) *Error {
	e := &Error{cause: err, again: true}
	var ue *url.Error
	if errors.As(err, &ue) { // it repeats the address
		err = ue.Err
	}
	var (
		unknown x509.UnknownAuthorityError
		name    x509.HostnameError
		notTLS  tls.RecordHeaderError
		dns     *net.DNSError
		op      *net.OpError
		proxy   *proxyError
	)
	e.Text = err.Error()
	if errors.As(err, &op) && op.Addr != nil {
		e.Text = fmt.Sprintf("%s %s: %v", op.Op, op.Addr, op.Err)
		e.never = op.Op == "dial"
	}
	forGood := func(hint string) { e.again, e.never, e.Hint = false, true, hint }
	hint, ofTLS := creds.Explain(err, "alerts.splunk.tls", "alerts.splunk.url")
	switch {
	case errors.As(err, &proxy):
		e.never = true
		e.Hint = "allow the proxy of HTTPS_PROXY to connect to port 8089, or name the host in NO_PROXY"
	case errors.Is(err, errProxyVariable):
		forGood("check HTTPS_PROXY and HTTP_PROXY")
	case op != nil && op.Op == "proxyconnect":
		e.never = true
		e.Text = "the proxy does not answer: " + strings.TrimPrefix(op.Err.Error(), "proxyconnect ")
		e.Hint = "check HTTPS_PROXY and HTTP_PROXY, or name the host in NO_PROXY"
	case errors.As(err, &name) && unnamed(name.Certificate):
		forGood("the certificate holds no name, as the one that Splunk makes itself does; give Splunk one with a name, or pin it by alerts.splunk.tls.pinned_sha256 together with insecure_skip_verify: true")
	case errors.As(err, &unknown):
		forGood(hint + ". Splunk's own CA is etc/auth/cacert.pem in its folder")
	case ofTLS:
		forGood(hint)
	case errors.As(err, &notTLS), strings.Contains(e.Text, "server gave HTTP response to HTTPS client"):
		forGood("the port speaks plain HTTP; Splunk's management port is 8089 and speaks TLS, port 8000 is Splunk Web: check alerts.splunk.url")
	case errors.As(err, &dns):
		e.never = true
		e.Text, e.Hint = fmt.Sprintf("the name %s does not resolve", dns.Name), "check alerts.splunk.url and DNS"
	case e.never && timedOut(err): // the kernel has knocked several times by then
		e.again = false
		e.Text, e.Hint = fmt.Sprintf("nobody answers at %s", op.Addr), closed(host)
	case errors.Is(err, context.DeadlineExceeded) || timedOut(err):
		e.again, e.late = false, true
		e.Text = "no answer in alerts.splunk.timeout"
		if e.Hint = closed(host); !cloud(host) {
			e.Hint = "the port is open, but Splunk is slow, or a firewall takes the connection; look at Splunk's load, make alerts.splunk.timeout longer; or " + usePackage
		}
	case op != nil && op.Op == "dial":
		e.Hint = closed(host)
	case strings.HasPrefix(e.Text, "tls: "):
		forGood("check alerts.splunk.tls, and what answers at alerts.splunk.url")
	default:
		e.Hint = "the connection broke; if it lasts, look at Splunk, and at what stands before it"
	}
	return e
}

// closed says why nobody may answer on the management port.
func closed(host string) string {
	if cloud(host) {
		return "Splunk Cloud keeps the REST API on port 8089 closed until its support opens it for your addresses, and trial stacks have none; " + usePackage
	}
	return "check alerts.splunk.url, that Splunk runs and listens on its management port (8089), and firewalls; where the port stays closed, " + usePackage
}

func cloud(host string) bool { return strings.HasSuffix(strings.ToLower(host), ".splunkcloud.com") }

func unnamed(cert *x509.Certificate) bool {
	return cert != nil && len(cert.DNSNames) == 0 && len(cert.IPAddresses) == 0
}

func timedOut(err error) bool {
	var t interface{ Timeout() bool }
	return errors.As(err, &t) && t.Timeout()
}

// errProxyVariable stands for an error of net/http that repeats the variable,
// password and all.
var errProxyVariable = errors.New("the environment's proxy is not an address")

// proxyError is a proxy's refusal to connect to Splunk.
type proxyError struct{ status int }

func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answers HTTP %d (%s)", e.status, http.StatusText(e.status))
}

// refused says why an answer is no success. what was tried is for 404 and 409.
func refused(status int, said answer, c Config) *Error {
	e := &Error{Status: status}
	e.Text = fmt.Sprintf("Splunk answers HTTP %d", status)
	if text := said.text(); text != "" {
		e.Text += ": " + text
	}
	e.again = status == http.StatusTooManyRequests || status == http.StatusBadGateway || status == http.StatusServiceUnavailable
	if said.page || status >= 300 && status < 400 {
		e.Text = fmt.Sprintf("a web page answers (HTTP %d) in place of Splunk's REST API", status)
		e.Hint = "this looks like Splunk Web or a proxy; the management port is 8089, port 8000 is Splunk Web: check alerts.splunk.url"
		if u, err := url.Parse(c.URL); err == nil && cloud(u.Hostname()) {
			e.Hint = "this looks like Splunk Web; " + closed(u.Hostname())
		}
		return e
	}
	lower := strings.ToLower(e.Text)
	switch {
	case strings.Contains(lower, "license") && (strings.Contains(lower, "free") || strings.Contains(lower, "disabled")):
		e.Hint = "this Splunk's licence does not allow it; Splunk Free has neither users nor alerts"
	case status == http.StatusUnauthorized && c.Token.Empty():
		e.Hint = "check alerts.splunk.username and alerts.splunk.password; users of SAML cannot sign in by password and need a token"
	case status == http.StatusUnauthorized:
		e.Hint = "the token is wrong, expired or of another Splunk, or token authentication is turned off there (Splunk Web, Settings, Tokens); it is not the HEC token"
	case status == http.StatusForbidden:
		e.Hint = "the role of this user lacks a right: write permission on the app, and the capability schedule_search; changing what others own needs admin_all_objects, creating an app edit_local_apps"
	case status == http.StatusBadRequest && strings.Contains(lower, "is not supported by this handler"):
		e.Hint = "Splunk says so too where the role lacks the capability for an argument: schedule_search for is_scheduled and cron_schedule, edit_search_schedule_window for schedule_window, edit_search_schedule_priority for schedule_priority"
	case status == http.StatusConflict:
		e.Hint = "something of that name came meanwhile, or is there and this user may not see it; look at it in Splunk, and plan again"
	case status == http.StatusNotFound:
		e.Hint = "look whether it still exists and whether this user may see it, and plan again"
	case e.again:
		e.Hint = "Splunk is busy or starts up; try again in a moment"
	case status >= http.StatusInternalServerError:
		e.Hint = "look at splunkd.log on Splunk's side"
	}
	return e
}
