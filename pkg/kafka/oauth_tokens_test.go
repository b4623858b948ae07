package kafka

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/IBM/sarama"
	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka/kafkatest/oidc"
)

// issued is one source of tokens, in virtual time, and the provider behind it,
// which lives outside.
type issued struct {
	t    *testing.T
	idp  *oidc.Server
	sasl SASL
	logs *observer.ObservedLogs
	from *tokens
}

func issue(t *testing.T, body func(i *issued)) {
	t.Helper()
	idp := oidc.Start(t, "kafka", map[string]string{"client": "s3cret-1"})
	synctest.Test(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		s := DefaultSASL()
		s.Mechanism = OAuthBearer
		s.OAuth.TokenURL, s.OAuth.ClientID, s.OAuth.ClientSecret = idp.TokenURL(), "client", creds.NewSecret("s3cret-1")
		s.OAuth.Scope, s.OAuth.Audience, s.OAuth.LogicalCluster, s.OAuth.IdentityPool = "read write", "aud", "lkc-1", "pool-1"
		i := &issued{t: t, idp: idp, sasl: s, logs: logs}
		var err error
		if i.from, err = s.tokens(nil, zap.New(core)); err != nil {
			t.Fatal(err)
		}
		body(i)
		for _, line := range logs.All() {
			for _, f := range line.Context {
				if text := line.Message + f.String; strings.Contains(text, "eyJ") || strings.Contains(text, "s3cret") {
					t.Errorf("a secret is in the log: %s", text)
				}
			}
		}
	})
}

// take asks n times at once and returns the one token that all got.
func (i *issued) take(n int) (string, error) {
	i.t.Helper()
	got := make([]*sarama.AccessToken, n)
	errs := make([]error, n)
	var all sync.WaitGroup
	for k := range n {
		all.Go(func() { got[k], errs[k] = i.from.Token() })
	}
	all.Wait()
	for k := range n {
		if (errs[k] == nil) != (errs[0] == nil) || errs[k] == nil && got[k].Token != got[0].Token {
			i.t.Fatalf("one got %v, %v and another %v, %v", got[0], errs[0], got[k], errs[k])
		}
	}
	if errs[0] != nil {
		return "", errs[0]
	}
	return got[0].Token, nil
}

func (i *issued) pass(d time.Duration) {
	ctx, cancel := context.WithTimeout(i.t.Context(), d)
	defer cancel()
	<-ctx.Done()
}

func (i *issued) asked(want int) {
	i.t.Helper()
	if got := len(i.idp.Requests()); got != want {
		i.t.Errorf("%d requests for tokens so far, want %d", got, want)
	}
}

func down(w http.ResponseWriter, _ *http.Request) bool {
	http.Error(w, "out of order", http.StatusServiceUnavailable)
	return true
}

// TestTokenIsShared: one request for all who connect at once, and the next one
// when four fifths of the life are over.
func TestTokenIsShared(t *testing.T) {
	t.Parallel()
	issue(t, func(i *issued) {
		first, err := i.take(50)
		if err != nil {
			t.Fatal(err)
		}
		i.pass(47 * time.Minute)
		if again, err := i.take(50); again != first || err != nil {
			t.Errorf("another token before its time: %v", err)
		}
		i.asked(1)
		i.pass(2 * time.Minute)
		if next, err := i.take(50); next == first || err != nil {
			t.Errorf("no new token: %v", err)
		}
		i.asked(2)
		want := map[string][]string{"grant_type": {"client_credentials"}, "scope": {"read write"}, "audience": {"aud"}}
		if diff := cmp.Diff(want, map[string][]string(i.idp.Requests()[0].Form)); diff != "" || i.idp.Requests()[0].InForm {
			t.Errorf("the request (-want +got):\n%s", diff)
		}
		got, _ := i.from.Token()
		if diff := cmp.Diff(map[string]string{"logicalCluster": "lkc-1", "identityPoolId": "pool-1"}, got.Extensions); diff != "" {
			t.Errorf("extensions (-want +got):\n%s", diff)
		}
	})
}

// TestTokenEndpointFails: the old token stays in use as long as it is valid,
// the endpoint is not hammered, and what comes after the end is an error.
func TestTokenEndpointFails(t *testing.T) {
	t.Parallel()
	issue(t, func(i *issued) {
		first, err := i.take(1)
		if err != nil {
			t.Fatal(err)
		}
		i.idp.Fail(down)
		i.pass(49 * time.Minute)
		for range 60 { // a minute of connecting twice a second
			for range 2 {
				if got, err := i.take(5); got != first || err != nil {
					t.Fatalf("the old token is not used: %v", err)
				}
				i.pass(500 * time.Millisecond)
			}
		}
		// A second try with the secret in the form comes with each first one.
		if n := (len(i.idp.Requests()) - 1); n < 4 || n > 30 {
			t.Errorf("%d requests in a minute", n)
		}
		if n := i.logs.FilterMessageSnippet("going on with the one that is there").Len(); n < 2 {
			t.Errorf("%d warnings", n)
		}
		i.pass(10 * time.Minute)
		if _, err := i.take(5); err == nil || !strings.Contains(err.Error(), "HTTP 503") {
			t.Errorf("after the end: %v", err)
		}
		i.idp.Fail(nil)
		i.pass(maxTokenPause * 2)
		if got, err := i.take(5); got == first || err != nil {
			t.Errorf("after the outage: %v", err)
		}
	})
}

// TestTokenOfNewSecret: a new secret is tried at once, and a wrong one does no
// harm as long as the token of before is valid.
func TestTokenOfNewSecret(t *testing.T) {
	t.Parallel()
	issue(t, func(i *issued) {
		first, err := i.take(1)
		if err != nil {
			t.Fatal(err)
		}
		change := func(secret string) {
			t.Helper()
			i.sasl.OAuth.ClientSecret = creds.NewSecret(secret)
			if i.from, err = i.sasl.tokens(i.from, i.from.log); err != nil {
				t.Fatal(err)
			}
		}
		change("s3cret-2")
		if got, err := i.take(1); got != first || err != nil {
			t.Errorf("with a wrong secret: %v", err)
		}
		if n := i.logs.FilterMessageSnippet("no new token").Len(); n != 1 {
			t.Errorf("%d warnings about the wrong secret, want 1", n)
		}
		i.idp.SetSecret("client", "s3cret-2")
		change("s3cret-2")
		second, err := i.take(1)
		if second == first || err != nil {
			t.Errorf("with the right secret: %v", err)
		}
		i.from.drop()
		if got, err := i.take(1); got == second || err != nil {
			t.Errorf("a token that the broker refused is used again: %v", err)
		}
		i.sasl.OAuth.ClientID = "other"
		change("s3cret-2")
		if _, err := i.take(1); err == nil {
			t.Error("the token of another client is used")
		}
	})
}

// TestTokenByProxy: the proxy of the environment leads to the endpoint, and is
// to blame where it fails.
func TestTokenByProxy(t *testing.T) { //nolint:paralleltest // it sets the environment
	idp := oidc.Start(t, "kafka", map[string]string{"client": "s3cret-1"})
	to, err := url.Parse(idp.TokenURL())
	if err != nil {
		t.Fatal(err)
	}
	proxy := httptest.NewServer(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.Out.URL.Host = to.Host }})
	t.Cleanup(proxy.Close)
	s := DefaultSASL()
	s.Mechanism = OAuthBearer
	s.OAuth.TokenURL, s.OAuth.ClientID, s.OAuth.ClientSecret = "http://idp.invalid/token", "client", creds.NewSecret("s3cret-1")
	ask := func() error {
		from, err := s.tokens(nil, zap.NewNop())
		if err != nil {
			t.Fatal(err)
		}
		_, err = from.Token()
		return err
	}
	t.Setenv("HTTP_PROXY", proxy.URL)
	if err := ask(); err != nil {
		t.Errorf("by the proxy: %v", err)
	}
	if n := len(idp.Requests()); n != 1 {
		t.Errorf("%d requests came by the proxy", n)
	}
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	if err := ask(); err == nil || !strings.Contains(err.Error(), "the proxy fails") || !strings.Contains(err.Error(), "HTTPS_PROXY") {
		t.Errorf("a proxy that is not there: %v", err)
	}
}
