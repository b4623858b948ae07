package hec

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"auditlog-forwarder/pkg/creds"
)

// secrets is what posts are sent with that may change while they go on. It is
// never changed, only replaced.
type secrets struct {
	header http.Header // of every post
	tokens []string    // the token in use, and those before it
	proxy  []string    // the proxy's password, in its two forms
}

// manyTokens bounds how many old tokens are remembered. Only posts that are
// out when a token changes can still bring one back.
const manyTokens = 8

func newSecrets(cfg Config, version string) *secrets {
	s := &secrets{header: http.Header{
		"Content-Type":         {"application/json"},
		"User-Agent":           {"auditlog-forwarder/" + version},
		"__splunk_app_name":    {"auditlog-forwarder"},
		"__splunk_app_version": {version},
	}}
	if u, err := url.Parse(cfg.Proxy.Reveal()); err == nil && u.User != nil {
		password, _ := u.User.Password()
		s.proxy = append(s.proxy, base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)), password)
	}
	return s.with(cfg.Token)
}

// with returns s with another token.
func (s *secrets) with(token creds.Secret) *secrets {
	now := &secrets{header: s.header.Clone(), proxy: s.proxy, tokens: []string{token.Reveal()}}
	now.header.Set("Authorization", "Splunk "+token.Reveal())
	for _, old := range s.tokens {
		if old != token.Reveal() && len(now.tokens) < manyTokens {
			now.tokens = append(now.tokens, old)
		}
	}
	return now
}

// redact takes the secrets out of what people will read.
func (s *secrets) redact(text string) string {
	for _, h := range slices.Concat(s.tokens, s.proxy) {
		if h != "" {
			text = strings.ReplaceAll(text, h, "[redacted]")
		}
	}
	return text
}

// SetToken changes the token. Posts go on with it at once, also those that
// wait because the old one was refused; a post that is out is sent again if
// Splunk refuses the old one.
func (c *Client) SetToken(token creds.Secret) {
	for {
		old := c.secrets.Load()
		if c.secrets.CompareAndSwap(old, old.with(token)) {
			break
		}
	}
	c.pool.wake()
}

// SetTLS makes new connections with t, whose files are read now: a store often
// changes together with its password. If it cannot be used, all stays as it was
// and the error says why.
func (c *Client) SetTLS(t creds.TLS) error {
	if err := c.pool.setTLS(t); err != nil {
		return fmt.Errorf("hec.tls.%w", err)
	}
	c.pool.wake()
	return nil
}
