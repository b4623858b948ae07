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
			if errors.Is(err, errUnconfirmed) {
				err = d.send(ctx, o.from, o.to)
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
	open    []unproved
}

// unproved is a run of events that Splunk has taken and not yet acknowledged.
type unproved struct {
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
		case r.class == RefusedEvent && r.code == codeFormat && r.number == 0 && to-from > 1:
			if from, err = d.first(ctx, from, to); err != nil {
				return err
			}
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

// first finds out what a refusal of a batch's first event means: Splunk Cloud
// says the same of a body that is too large for it. So that event goes alone.
// If Splunk takes it, the size it was, and half of the others go before the
// rest. It returns which event is next.
func (d *delivery) first(ctx context.Context, from, to int) (next int, err error) {
	refused := len(d.refused)
	if err := d.send(ctx, from, from+1); err != nil {
		return 0, err
	}
	next = from + 1
	if len(d.refused) > refused || next == to {
		return next, nil
	}
	half := next + (to-next)/2
	return half, d.send(ctx, next, half)
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
		d.open = append(d.open, unproved{from: from, to: to, at: r})
	}
}

func (d *delivery) refuse(index int, r answer) {
	d.refused = append(d.refused, audit.Refusal{Index: index, Code: r.id(), Reply: r.Error()})
	d.c.pool.refused(r.reply)
}
