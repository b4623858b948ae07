package hec

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/google/uuid"

	"auditlog-forwarder/pkg/audit"
)

// STUB: everything in this file stands in for what two other branches bring
// (ack.go, limit.go, and two methods of the encoder). Delete it at the merge.

const pathAck = "/services/collector/ack"

const errUnconfirmed = unconfirmed("not confirmed")

type unconfirmed string

func (u unconfirmed) Error() string { return string(u) }

type acks struct {
	only   *ackSession
	script []error // what wait returns next; for stubs_test.go
}

type ackSession struct{ id string }

func newAcks(*endpoint, *Client) *acks { return &acks{only: &ackSession{id: uuid.NewString()}} }

func (a *acks) session() *ackSession { return a.only }

func (s *ackSession) sign(req *http.Request) { req.Header.Set(headerChannel, s.id) }

func (a *acks) noteReply(*ackSession, *http.Response) {}

func (a *acks) finish(context.Context, *ackSession, int, *int64) {}

func (a *acks) lost(*ackSession) {}

func (a *acks) wait(context.Context, *ackSession, int64) error {
	if len(a.script) == 0 {
		return nil
	}
	err := a.script[0]
	a.script = a.script[1:]
	return err
}

func (c *Client) pace(context.Context, audit.Batch) error { return nil }

func (e encoder) target(base *url.URL, _ string) string { return base.JoinPath(pathEvent).String() }

// configured reports whether the configuration names an index.
func (e encoder) configured(index string) bool {
	for _, named := range e.named {
		if named == index {
			return true
		}
	}
	return false
}

func namedIndexes(c Config) []string {
	all := []string{c.Index}
	for _, route := range c.Routes {
		_, settings, _ := strings.Cut(route, "->")
		for word := range strings.FieldsSeq(settings) {
			if v, ok := strings.CutPrefix(word, "index="); ok {
				all = append(all, strings.Trim(v, `"'`))
			}
		}
	}
	return all
}
