package hec

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Notice is an event about the program itself.
type Notice struct {
	Time                            time.Time
	Index, Source, Sourcetype, Host string // empty: as the configuration has it for events
	Event                           json.RawMessage
}

// noticeEnvelope has only keys that Splunk knows; see encoder.
type noticeEnvelope struct {
	Time       json.RawMessage `json:"time"`
	Host       string          `json:"host,omitempty"`
	Source     string          `json:"source,omitempty"`
	Sourcetype string          `json:"sourcetype,omitempty"`
	Index      string          `json:"index,omitempty"`
	Event      json.RawMessage `json:"event"`
}

// Notify posts one event beside all batches, once to each endpoint until one
// takes it, those first that take events. No limit of hec.limit holds it back,
// nothing waits for it, and no acknowledgement is asked for: whoever sends it
// can do without.
func (c *Client) Notify(ctx context.Context, n Notice) error {
	body, err := json.Marshal(noticeEnvelope{
		Time: strconv.AppendFloat(nil, float64(n.Time.UnixMilli())/1000, 'f', 3, 64),
		Host: cmp.Or(n.Host, c.cfg.Host), Source: cmp.Or(n.Source, c.cfg.Source),
		Sourcetype: cmp.Or(n.Sourcetype, c.cfg.Sourcetype), Index: cmp.Or(n.Index, c.cfg.Index),
		Event: n.Event,
	})
	if err != nil {
		return err
	}
	states := c.Endpoints()
	order := make([]int, len(states))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int {
		return down(states[i]) - down(states[j])
	})
	var errs []error
	for _, i := range order {
		e := c.pool.endpoints[i]
		_, r, err := c.probe(ctx, e, http.MethodPost, pathEvent, bytes.NewReader(body))
		if err == nil && (r.class == Accepted || r.class == AcceptedSlow) {
			return nil
		}
		if err == nil {
			err = r
		}
		errs = append(errs, fmt.Errorf("%s: %w", e.base.Host, err))
		if ctx.Err() != nil {
			break
		}
	}
	return errors.Join(errs...)
}

func down(s EndpointState) int {
	if s.Reason != nil {
		return 1
	}
	return 0
}
