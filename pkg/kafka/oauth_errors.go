package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/IBM/sarama"
	"golang.org/x/oauth2"
)

// tokenError says why there is no token. It never holds a token or a secret.
type tokenError struct {
	what, hint string
	err        error // the cause, where the network or TLS is it
}

func (e *tokenError) Error() string {
	if e.hint == "" {
		return e.what
	}
	return e.what + "; " + e.hint
}

func (e *tokenError) Unwrap() error { return e.err }

// tokenAnswer remembers what the endpoint's last answer was like.
type tokenAnswer struct {
	next     http.RoundTripper
	status   int // 0: none came
	kind     string
	location string
}

// RoundTrip implements http.RoundTripper.
func (a *tokenAnswer) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := a.next.RoundTrip(req)
	if err != nil {
		a.status = 0
		return nil, err
	}
	a.status, a.kind, a.location = resp.StatusCode, resp.Header.Get("Content-Type"), resp.Header.Get("Location")
	return resp, nil
}

// endpoint names the token endpoint, without what may be secret in its query.
func (o OAuth) endpoint() string {
	address, _, _ := strings.Cut(o.TokenURL, "?")
	return "the token endpoint " + address
}

// explainToken says what ended a request for a token.
func (o OAuth) explainToken(err error, seen *tokenAnswer) error {
	var refused *oauth2.RetrieveError
	switch {
	case seen.status == 0:
		return o.unreached(err)
	case seen.status >= 300 && seen.status < 400:
		return &tokenError{
			what: fmt.Sprintf("%s redirects to %s, where the secret is not sent", o.endpoint(), short(seen.location)),
			hint: "if that is right, give it as kafka.sasl.oauth.token_url",
		}
	case strings.Contains(seen.kind, "html"):
		return &tokenError{
			what: fmt.Sprintf("%s answers with a page for people (HTTP %d, %s) and not with a token", o.endpoint(), seen.status, short(seen.kind)),
			hint: "check kafka.sasl.oauth.token_url: it is the token_endpoint of the identity provider's .well-known/openid-configuration; or a proxy answers in its place",
		}
	case errors.As(err, &refused):
		return o.refused(refused, seen.status)
	}
	return &tokenError{
		what: fmt.Sprintf("%s answers HTTP %d without a token", o.endpoint(), seen.status),
		hint: "check kafka.sasl.oauth.token_url: it is the token_endpoint of the identity provider's .well-known/openid-configuration",
	}
}

// refused explains the answers of RFC 6749, section 5.2.
func (o OAuth) refused(r *oauth2.RetrieveError, status int) error {
	said := fmt.Sprintf("HTTP %d", status)
	if r.ErrorCode != "" {
		said += " " + short(r.ErrorCode)
	}
	if r.ErrorDescription != "" {
		said += ": " + short(r.ErrorDescription)
	}
	e := &tokenError{what: fmt.Sprintf("%s gives no token: %s", o.endpoint(), said)}
	switch {
	case r.ErrorCode == "invalid_scope":
		e.hint = "check kafka.sasl.oauth.scope"
	case r.ErrorCode == "unauthorized_client", r.ErrorCode == "unsupported_grant_type":
		e.hint = fmt.Sprintf("allow the client %q the grant of client credentials at the identity provider, or give another client as kafka.sasl.oauth.client_id", o.ClientID)
	case r.ErrorCode == "invalid_client", status == http.StatusUnauthorized:
		e.what = fmt.Sprintf("%s refuses the client %q or its secret: %s", o.endpoint(), o.ClientID, said)
		e.hint = "check kafka.sasl.oauth.client_id and kafka.sasl.oauth.client_secret_file, and whether the secret has expired at the identity provider"
	case r.ErrorCode == "invalid_target", r.ErrorCode == "access_denied":
		e.hint = "check kafka.sasl.oauth.audience, and that the client may have tokens for it"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		e.hint = "check kafka.sasl.oauth.token_url: it is the token_endpoint of the identity provider's .well-known/openid-configuration"
	case status == http.StatusTooManyRequests, status >= 500:
		e.hint = "it is asked again; if it lasts, look at the identity provider"
	default:
		e.hint = "check kafka.sasl.oauth.client_id, kafka.sasl.oauth.scope and kafka.sasl.oauth.audience against the identity provider"
	}
	return e
}

// unreached explains what never got an answer.
func (o OAuth) unreached(err error) error {
	e := &tokenError{err: err}
	var (
		dns *net.DNSError
		op  *net.OpError
		out Error
	)
	switch {
	case errors.Is(err, http.ErrSchemeMismatch) || strings.Contains(err.Error(), http.ErrSchemeMismatch.Error()):
		e.what, e.hint = o.endpoint()+" does not speak TLS", "check the port in kafka.sasl.oauth.token_url, or begin it with http:// if it is meant so"
	case errors.As(err, &op) && op.Op == "proxyconnect":
		e.what, e.hint = fmt.Sprintf("%s is not reached: the proxy fails: %v", o.endpoint(), op.Err), "check HTTPS_PROXY, or name the host in NO_PROXY"
	case out.byTLS(err, o.TLS):
		own := strings.NewReplacer("the broker", "the token endpoint", "kafka.tls.", "kafka.sasl.oauth.tls.",
			"kafka.bootstrap_servers", "kafka.sasl.oauth.token_url", "kafka.security_protocol, the port", "kafka.sasl.oauth.token_url")
		e.what, e.hint = o.endpoint()+" is not trusted, or does not trust: "+own.Replace(out.What), own.Replace(out.Hint)
	case errors.As(err, &dns):
		e.what, e.hint = fmt.Sprintf("%s is not reached: the name %q does not resolve", o.endpoint(), dns.Name), "check kafka.sasl.oauth.token_url and DNS"
	case errors.As(err, &op) && op.Op == "dial":
		e.what, e.hint = fmt.Sprintf("%s is not reached: dial %s: %v", o.endpoint(), op.Addr, op.Err), "check kafka.sasl.oauth.token_url, firewalls, and HTTPS_PROXY if only a proxy leads there"
	case errors.Is(err, context.DeadlineExceeded) || isTimeout(err):
		e.what, e.hint = fmt.Sprintf("%s does not answer within %s", o.endpoint(), tokenPatience), "check kafka.sasl.oauth.token_url, firewalls, and the identity provider"
	default:
		cause := err
		for next := errors.Unwrap(cause); next != nil; next = errors.Unwrap(next) {
			cause = next
		}
		e.what, e.hint = fmt.Sprintf("%s is not reached: %v", o.endpoint(), cause), "check kafka.sasl.oauth.token_url, and what stands before the identity provider"
	}
	return e
}

// short makes what somebody else wrote fit for a log: one line, and bounded.
func short(text string) string {
	const most = 200
	clean := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	if len(clean) > most {
		return strings.ToValidUTF8(clean[:most], "") + "…"
	}
	return clean
}

// refusedToken is a broker's refusal with what the token says of itself.
type refusedToken struct {
	says string
	err  error
}

func (e *refusedToken) Error() string { return e.err.Error() }

func (e *refusedToken) Unwrap() error { return e.err }

// refused adds to a broker's refusal what its token says; other errors stay as
// they are. t may be nil.
func (t *tokens) refused(err error) error {
	if t == nil || !errors.Is(err, sarama.ErrSASLAuthenticationFailed) {
		return err
	}
	return &refusedToken{says: t.describe(), err: err}
}
