package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
)

// wanted is how many events the subject forwards.
func (b *bench) wanted(s subject) int {
	if s.drops {
		return b.topic.Events - b.topic.Dropped
	}
	return b.topic.Events
}

// account checks that the run did the whole work, once, and fills in how fast.
func (b *bench) account(ctx context.Context, s subject, m *measured, receiver string, got *sample) error {
	if !s.forwards() {
		var c counted
		text, err := os.ReadFile(m.stdout)
		if err == nil {
			err = json.Unmarshal(text, &c)
		}
		if err != nil {
			return fmt.Errorf("read the result of %s: %w", s.name, err)
		}
		if c.Records != b.topic.Events || c.Bytes != b.topic.Bytes {
			return fmt.Errorf("it read %d events of %d bytes in all, the topic holds %d of %d", c.Records, c.Bytes, b.topic.Events, b.topic.Bytes)
		}
		got.finish(b.topic.Events, c.Timed.Sub(c.First))
		return nil
	}
	r, err := stats(ctx, receiver)
	if err != nil {
		return err
	}
	want := b.wanted(s)
	if r.Events != want || r.Duplicates != 0 {
		return fmt.Errorf("%d different events arrived and %d of them again; wanted are %d, once", r.Events, r.Duplicates, want)
	}
	got.Delivered, got.Requests, got.WireBytes = r.Events, r.Requests, r.WireBytes
	got.finish(b.topic.Events, r.Timed.Sub(r.First))
	return nil
}

// stats asks the receiver what came in.
func stats(ctx context.Context, receiver string) (r received, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, receiver+statsPath, http.NoBody)
	if err != nil {
		return r, fmt.Errorf("ask the receiver: %w", err)
	}
	req.Close = true // it is asked once
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return r, fmt.Errorf("ask the receiver: %w", err)
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	if err := json.NewDecoder(resp.Body).Decode(&r); err != nil {
		return r, fmt.Errorf("read the receiver's account: %w", err)
	}
	return r, nil
}
