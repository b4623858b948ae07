package hec

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"auditlog-forwarder/pkg/audit"
)

// Deliver posts the events of b and returns when each of them is settled:
// taken by Splunk, and with acknowledgement indexed, or refused for good and
// listed by ascending index. It tries without an end; only ctx stops it, and
// then nothing is known of any event. b's memory is not read after the return.
func (c *Client) Deliver(ctx context.Context, b audit.Batch) ([]audit.Refusal, error) {
	if err := c.pace(ctx, b); err != nil {
		return nil, err
	}
	d := delivery{c: c, batch: b}
	if err := d.send(ctx, 0, len(b.Ends)); err != nil {
		return nil, err
	}
	// All is out: now the acknowledgements, most of which have come meanwhile.
	for len(d.open) > 0 {
		open := d.open
		d.open = nil
		for _, o := range open {
			err := o.at.ep.acks.wait(ctx, o.at.session, *o.at.ackID)
			switch {
			case errors.Is(err, errUnconfirmed):
				c.metrics.ackResends.Inc()
				err = d.send(ctx, o.from, o.to)
			case err == nil:
			}
			if err != nil {
				return nil, err
			}
		}
	}
	// What is sent again can be refused after what stands behind it.
	slices.SortFunc(d.refused, func(a, b audit.Refusal) int { return cmp.Compare(a.Index, b.Index) })
	return d.refused, nil
}

// delivery is one batch on its way.
type delivery struct {
	c       *Client
	batch   audit.Batch
	refused []audit.Refusal
	open    []unacked
}

// unacked is a run of events that Splunk has taken and not yet acknowledged.
type unacked struct {
	from, to int
	at       answer
}

// send settles the events from..to-1, but for open acknowledgements.
func (d *delivery) send(ctx context.Context, from, to int) error {
	for from < to {
		r, err := d.c.post(ctx, part{topic: d.batch.Topic, body: d.batch.Body, ends: d.batch.Ends, from: from, to: to})
		if err != nil {
			return err
		}
		switch {
		case r.class == Accepted || r.class == AcceptedSlow:
			d.taken(from, to, r)
			return nil
		case r.settled:
			// Only the events before are taken; the others wait for a person.
			if err := d.prefix(ctx, from, from+r.number, r); err != nil {
				return err
			}
			from += r.number
		case r.class == RefusedEvent && r.number < to-from:
			bad := from + r.number
			if err := d.prefix(ctx, from, bad, r); err != nil {
				return err
			}
			d.refuse(bad, r)
			from = bad + 1
		case to-from == 1:
			d.refuse(from, r)
			return nil
		default:
			// No usable number: halve until the bad event stands alone.
			half := from + (to-from)/2
			if err := d.send(ctx, from, half); err != nil {
				return err
			}
			from = half
		}
	}
	return nil
}

// prefix settles the events before a refused one.
func (d *delivery) prefix(ctx context.Context, from, to int, r answer) error {
	switch {
	case from == to:
		return nil
	case d.c.cfg.PartialAcceptance == PartialNone || d.c.cfg.Ack.Enabled && r.ackID == nil:
		// Nothing of the request is indexed, or nobody would ever know: the
		// events before the bad one go again, on their own.
		return d.send(ctx, from, to)
	}
	d.taken(from, to, r)
	return nil
}

func (d *delivery) taken(from, to int, r answer) {
	d.c.pool.accepted()
	if d.c.cfg.Ack.Enabled { // then judge has seen to it that there is an id
		d.open = append(d.open, unacked{from: from, to: to, at: r})
	}
}

func (d *delivery) refuse(index int, r answer) {
	d.refused = append(d.refused, audit.Refusal{Index: index, Code: r.id(), Reply: r.Error()})
	d.c.pool.refused(r.reply)
}
