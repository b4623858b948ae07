// Package oidc is an identity provider for tests: it gives signed tokens by
// the grant of client credentials, shows the keys that they are signed with,
// and fails when it is told to.
package oidc

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
)

// Answer makes the provider answer a request for a token in its own way. It
// reports whether it did; if not, the provider answers as usual.
type Answer func(w http.ResponseWriter, r *http.Request) bool

// Request is one request for a token.
type Request struct {
	Time   time.Time
	Client string
	InForm bool // the secret came in the form, and not in the header
	Form   url.Values
	Token  string // what was given; empty if it was refused
}

// Server is a running provider. It is safe for concurrent use.
type Server struct {
	Issuer string
	key    *rsa.PrivateKey
	kid    string
	tb     testing.TB
	server *httptest.Server

	mu       sync.Mutex
	secrets  map[string]string
	audience map[string]string // by client; of the others under ""
	life     time.Duration
	grace    time.Duration
	claims   map[string]any // added, or with nil left out
	silent   bool           // about expires_in
	answer   Answer
	requests []Request
}

// Option changes how a provider starts.
type Option func(*Server, *bool)

// WithTLS makes it speak TLS; CA returns its certificate.
func WithTLS() Option { return func(_ *Server, tls *bool) { *tls = true } }

// Start starts a provider that knows the clients by their secrets. Tokens are
// for audience and live for an hour, unless it is told otherwise.
func Start(tb testing.TB, audience string, clients map[string]string, opts ...Option) *Server {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		tb.Fatalf("make the provider's key: %v", err)
	}
	s := &Server{tb: tb, key: key, kid: uuid.NewString(), secrets: map[string]string{}, audience: map[string]string{"": audience}, life: time.Hour}
	maps.Copy(s.secrets, clients)
	encrypted := false
	for _, opt := range opts {
		opt(s, &encrypted)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /jwks", s.jwks)
	mux.HandleFunc("POST /token", s.token)
	s.server = httptest.NewUnstartedServer(mux)
	if encrypted {
		s.server.StartTLS()
	} else {
		s.server.Start()
	}
	tb.Cleanup(s.server.Close)
	s.Issuer = s.server.URL
	return s
}

// TokenURL returns the address of the token endpoint.
func (s *Server) TokenURL() string { return s.server.URL + "/token" }

// JWKSURL returns the address of the keys.
func (s *Server) JWKSURL() string { return s.server.URL + "/jwks" }

// CA returns the certificate of a provider that speaks TLS, as DER.
func (s *Server) CA() []byte { return s.server.Certificate().Raw }

// SetSecret adds a client, or gives it another secret.
func (s *Server) SetSecret(client, secret string) { s.set(func() { s.secrets[client] = secret }) }

// SetAudienceOf changes whom new tokens of one client are for.
func (s *Server) SetAudienceOf(client, audience string) {
	s.set(func() { s.audience[client] = audience })
}

// SetLife changes how long new tokens live.
func (s *Server) SetLife(life time.Duration) { s.set(func() { s.life = life }) }

// SetGrace makes new tokens valid for longer than their answers say, as far as
// whoever reads them is concerned.
func (s *Server) SetGrace(grace time.Duration) { s.set(func() { s.grace = grace }) }

// SetClaims adds claims to new tokens; one that is nil is left out of them.
func (s *Server) SetClaims(claims map[string]any) { s.set(func() { s.claims = maps.Clone(claims) }) }

// HideExpiry leaves expires_in out of the answers.
func (s *Server) HideExpiry() { s.set(func() { s.silent = true }) }

// Fail lets answer see each request for a token first; nil ends that.
func (s *Server) Fail(answer Answer) { s.set(func() { s.answer = answer }) }

func (s *Server) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// Requests returns the requests for tokens so far.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request(nil), s.requests...)
}

func (s *Server) jwks(w http.ResponseWriter, _ *http.Request) {
	e := big.NewInt(int64(s.key.E))
	s.json(w, http.StatusOK, map[string]any{"keys": []any{map[string]any{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": s.kid, "n": raw(s.key.N.Bytes()), "e": raw(e.Bytes()),
	}}})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.json(w, http.StatusBadRequest, map[string]any{"error": "invalid_request"})
		return
	}
	client, secret, inHeader := r.BasicAuth()
	if inHeader { // RFC 6749, section 2.3.1: encoded as in a form
		client, _ = url.QueryUnescape(client)
		secret, _ = url.QueryUnescape(secret)
	} else {
		client, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	form := maps.Clone(r.PostForm)
	form.Del("client_secret")
	asked := Request{Time: time.Now(), Client: client, InForm: !inHeader, Form: form}
	s.mu.Lock()
	defer s.mu.Unlock()
	defer func() { s.requests = append(s.requests, asked) }()
	if s.answer != nil && s.answer(w, r) {
		return
	}
	want, known := s.secrets[client]
	switch {
	case r.PostForm.Get("grant_type") != "client_credentials":
		s.json(w, http.StatusBadRequest, map[string]any{"error": "unsupported_grant_type"})
	case !known || want != secret:
		s.json(w, http.StatusUnauthorized, map[string]any{"error": "invalid_client", "error_description": "Client authentication failed"})
	default:
		asked.Token = s.sign(client)
		answer := map[string]any{"access_token": asked.Token, "token_type": "Bearer"}
		if !s.silent {
			answer["expires_in"] = int64(s.life / time.Second)
		}
		s.json(w, http.StatusOK, answer)
	}
}

// sign makes a token; mu is held.
func (s *Server) sign(client string) string {
	now := time.Now()
	audience, own := s.audience[client]
	if !own {
		audience = s.audience[""]
	}
	claims := map[string]any{
		"iss": s.Issuer, "sub": client, "aud": audience, "scope": "kafka", "jti": uuid.NewString(),
		"iat": now.Unix(), "exp": now.Add(s.life + s.grace).Unix(),
	}
	for name, value := range s.claims {
		if value == nil {
			delete(claims, name)
		} else {
			claims[name] = value
		}
	}
	text := s.part(map[string]any{"alg": "RS256", "typ": "JWT", "kid": s.kid}) + "." + s.part(claims)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(rand.Reader, s.key, crypto.SHA256, sum[:])
	if err != nil {
		s.tb.Errorf("sign a token: %v", err)
	}
	return text + "." + raw(signature)
}

func (s *Server) part(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		s.tb.Errorf("encode a token: %v", err)
	}
	return raw(text)
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // whoever asked may have gone
}

func raw(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
