package kafka

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/IBM/sarama"
	"github.com/cenkalti/backoff/v5"
	"go.uber.org/zap"
	"golang.org/x/net/http/httpproxy"
	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"
)

const (
	// tokenPatience is how long one request for a token may take.
	tokenPatience = 10 * time.Second
	// maxTokenPause is the longest pause after a failed request. The group's
	// own pauses come on top.
	maxTokenPause = 10 * time.Second
)

// tokens gets the tokens of OAUTHBEARER, and keeps the newest for all
// connections of a client. It has no goroutine: whoever connects, or proves
// itself again (KIP-368), and finds four fifths of the token's life over, asks
// for the next one, and the others wait for that answer. When there is none,
// all go on with the token they have as long as it is valid.
type tokens struct {
	cfg    OAuth
	ext    map[string]string // never changes
	log    *zap.Logger
	client clientcredentials.Config // remembers how the endpoint wants the secret

	mu        sync.Mutex // also held while asking
	kept      *token     // nil: none yet
	err       error      // why there is no newer one
	notBefore time.Time  // the next request
	wait      *backoff.ExponentialBackOff
	transport *http.Transport // of the last time that the files of TLS could be read
}

// token is an access token and how long it may be used.
type token struct {
	value   string
	renewAt time.Time // zero: at once
	until   time.Time
}

func newTokens(cfg OAuth, ext map[string]string, before *tokens, log *zap.Logger) *tokens {
	t := &tokens{cfg: cfg, ext: ext, log: log, wait: backoff.NewExponentialBackOff()}
	t.wait.InitialInterval, t.wait.MaxInterval = 500*time.Millisecond, maxTokenPause
	t.client = clientcredentials.Config{
		ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret.Reveal(), TokenURL: cfg.TokenURL, Scopes: strings.Fields(cfg.Scope),
	}
	if cfg.Audience != "" {
		t.client.EndpointParams = url.Values{"audience": {cfg.Audience}}
	}
	if before != nil && before.cfg.client() == cfg.client() {
		before.mu.Lock()
		defer before.mu.Unlock()
		if before.kept != nil {
			t.kept = &token{value: before.kept.value, until: before.kept.until}
		}
	}
	return t
}

// Token implements sarama.AccessTokenProvider.
func (t *tokens) Token() (*sarama.AccessToken, error) {
	got, err := t.get()
	if err != nil {
		return nil, err
	}
	return &sarama.AccessToken{Token: got.value, Extensions: t.ext}, nil
}

func (t *tokens) get() (*token, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	if (t.kept == nil || !now.Before(t.kept.renewAt)) && !now.Before(t.notBefore) {
		t.renew()
	}
	if t.kept == nil || !time.Now().Before(t.kept.until) {
		return nil, t.err
	}
	return t.kept, nil
}

// renew asks for a token; mu is held.
func (t *tokens) renew() {
	got, err := t.fetch()
	if err == nil {
		t.kept, t.err, t.notBefore = got, nil, time.Time{}
		t.wait.Reset()
		t.log.Debug("new token for kafka", zap.String("client_id", t.cfg.ClientID), zap.Time("valid_until", got.until))
		return
	}
	pause := t.wait.NextBackOff()
	t.err, t.notBefore = err, time.Now().Add(pause)
	if t.kept != nil && time.Now().Before(t.kept.until) {
		t.log.Warn("no new token for kafka; going on with the one that is there as long as it is valid",
			zap.Error(err), zap.Time("valid_until", t.kept.until), zap.Duration("asking_again_in", pause))
	}
}

// drop forgets the token that a broker has refused, so that a new one is asked
// for. Whether the old one was at fault the broker does not say.
func (t *tokens) drop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept != nil {
		t.kept.renewAt = time.Time{}
	}
}

// fetch asks the endpoint once.
func (t *tokens) fetch() (*token, error) {
	transport, err := t.dial()
	if err != nil {
		return nil, err
	}
	// Sarama gives no context; the patience bounds it.
	ctx, cancel := context.WithTimeout(context.Background(), tokenPatience)
	defer cancel()
	seen := &tokenAnswer{next: transport}
	asked := time.Now()
	got, err := t.client.Token(context.WithValue(ctx, oauth2.HTTPClient, &http.Client{
		Transport: seen,
		// The secret is for the address that was given, and for no other.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}))
	if err != nil {
		return nil, t.cfg.explainToken(err, seen)
	}
	return t.cfg.accept(got, asked)
}

// dial returns the way to the endpoint. The files are read anew, since they may
// have been replaced, and tokens are rare.
func (t *tokens) dial() (*http.Transport, error) {
	tlsConfig, err := t.cfg.TLS.Config("")
	switch {
	case err == nil:
		t.transport = &http.Transport{
			Proxy:           func(r *http.Request) (*url.URL, error) { return httpproxy.FromEnvironment().ProxyFunc()(r.URL) },
			TLSClientConfig: tlsConfig, ForceAttemptHTTP2: true,
			DisableKeepAlives: true, // one request in an hour needs no open connection
		}
	case t.transport != nil:
		t.log.Warn("kafka.sasl.oauth.tls cannot be read; asking for tokens with the certificates of before", zap.Error(err))
	default:
		return nil, &tokenError{what: "kafka.sasl.oauth.tls." + err.Error(), err: err}
	}
	return t.transport, nil
}

// accept looks at a token before anybody uses it.
func (o OAuth) accept(got *oauth2.Token, asked time.Time) (*token, error) {
	if !regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`).MatchString(got.AccessToken) {
		return nil, &tokenError{what: o.endpoint() + " gives a token with characters that no bearer token has (RFC 6750)", hint: "check kafka.sasl.oauth.token_url"}
	}
	until := got.Expiry
	if until.IsZero() {
		until = claimsOf(got.AccessToken).expiry()
	}
	switch {
	case until.IsZero():
		return nil, &tokenError{
			what: o.endpoint() + " gives a token without an end: there is neither expires_in beside it nor exp in it",
			hint: "set a lifetime for the tokens of this client at the identity provider",
		}
	case !time.Now().Before(until):
		return nil, &tokenError{
			what: fmt.Sprintf("%s gives a token that has expired already, at %s", o.endpoint(), until.UTC().Format(time.RFC3339)),
			hint: "check the clocks of this machine and of the identity provider",
		}
	}
	return &token{value: got.AccessToken, renewAt: asked.Add(until.Sub(asked) * 4 / 5), until: until}, nil
}

// claims are what a token says of itself, if it is a JWT. Nothing is decided
// by them but its end, and that only where nobody else tells it: whether they
// are true is for the broker to find out.
type claims struct {
	Issuer   string          `json:"iss"`
	Subject  string          `json:"sub"`
	Audience json.RawMessage `json:"aud"`
	Exp      float64         `json:"exp"`
}

func claimsOf(value string) (c claims) {
	parts := strings.Split(value, ".")
	if len(parts) != 3 {
		return c
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(payload, &c) != nil {
		return claims{}
	}
	return c
}

func (c claims) expiry() time.Time {
	if c.Exp <= 0 || c.Exp > 1e11 {
		return time.Time{}
	}
	return time.Unix(int64(c.Exp), 0)
}

// String tells what a broker looks at.
func (c claims) String() string {
	if c.Issuer == "" && c.Subject == "" && len(c.Audience) == 0 {
		return "it is no JWT that can be read here"
	}
	audience := string(c.Audience)
	if audience == "" {
		audience = "none"
	}
	return fmt.Sprintf("issuer %s, audience %s, subject %s", short(c.Issuer), short(audience), short(c.Subject))
}

// describe tells about the token in use, and nothing that would let in
// somebody else.
func (t *tokens) describe() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.kept == nil {
		return ""
	}
	return claimsOf(t.kept.value).String()
}

// try gets a token and tells what it is like.
func (t *tokens) try() (string, error) {
	got, err := t.get()
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: a token for %s (%s)", strings.TrimPrefix(t.cfg.endpoint(), "the token endpoint "), time.Until(got.until).Round(time.Second), claimsOf(got.value)), nil
}
