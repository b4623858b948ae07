package hectest

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"
)

// authenticate finds the request's token. The query string wins over the header
// even where it is not allowed, and its token is looked up before that is said.
func (s *Server) authenticate(r *http.Request, query url.Values) (Token, int) {
	if query.Has("token") {
		t, code := s.token(query.Get("token"))
		if code == codeSuccess && !t.AllowQueryAuth {
			code = codeQueryAuth
		}
		return t, code
	}
	value, code := credential(r.Header.Get("Authorization"))
	if code != codeSuccess {
		return Token{}, code
	}
	return s.token(value)
}

// credential reads "Splunk <token>", or "Basic" with the token as password.
func credential(header string) (string, int) {
	scheme, rest, _ := strings.Cut(strings.TrimSpace(header), " ")
	rest = strings.TrimSpace(rest)
	switch {
	case scheme == "":
		return "", codeTokenRequired
	case strings.EqualFold(scheme, "Splunk"):
		if rest == "" {
			return "", codeTokenRequired
		}
		return rest, codeSuccess
	case strings.EqualFold(scheme, "Basic"):
		plain, err := base64.StdEncoding.DecodeString(rest)
		if err != nil {
			return "", codeInvalidAuth
		}
		if _, password, ok := strings.Cut(string(plain), ":"); ok {
			return password, codeSuccess
		}
	}
	return "", codeInvalidAuth
}

func (s *Server) token(value string) (Token, int) {
	s.mu.Lock()
	t, ok := s.tokens[value]
	s.mu.Unlock()
	switch {
	case !ok:
		return Token{}, codeInvalidToken
	case t.Disabled:
		return Token{}, codeTokenDisabled
	}
	return t, codeSuccess
}

// channel returns the request's channel. Only a token that uses acknowledgement
// makes Splunk look at it.
func (s *Server) channel(r *http.Request, query url.Values, t Token) (string, int) {
	ch := r.Header.Get("X-Splunk-Request-Channel")
	if ch == "" {
		ch = query.Get("channel")
	}
	switch {
	case !t.UseACK:
		return ch, codeSuccess
	case ch == "" && s.cfg.cloud:
		return "", codeChannelMissingC
	case ch == "":
		return "", codeChannelMissing
	}
	// uuid also reads longer spellings, which are not what Splunk documents.
	if _, err := uuid.Parse(ch); err != nil || len(ch) != 36 {
		return "", codeChannelInvalid
	}
	return ch, codeSuccess
}
