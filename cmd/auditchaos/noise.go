package main

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// noisePlan is what a seed decides about summaries. It is drawn from a stream
// of its own, so that a seed's faults are the same with and without.
type noisePlan struct {
	On      bool          `json:"on"`
	Every   time.Duration `json:"every,omitempty"` // summaries.every
	MaxKeys int           `json:"max_keys,omitempty"`
	Keys    int           `json:"keys,omitempty"`
	Step    time.Duration `json:"step,omitempty"`   // between the timestamps of records
	Refuse  bool          `json:"refuse,omitempty"` // Splunk refuses some summaries
	// More come when all is summed up, in the windows that are still open, after
	// End, if there is one, has hit the first member.
	More int  `json:"more,omitempty"`
	End  verb `json:"end,omitempty"`
}

// noisy puts events that a rule sums up among the others.
func (p *plan) noisy() {
	d := &draw{Rand: rand.New(rand.NewPCG(p.Seed, 0x6e6f697365))}
	if !d.chance(33) {
		return
	}
	p.Noise = noisePlan{
		On: true, Every: d.millis(1000, 2000), Keys: d.between(1, 12), Step: d.millis(5, 60),
		MaxKeys: weighted(d, choice[int]{75, 10_000}, choice[int]{25, d.between(1, 6)}),
		Refuse:  d.chance(25),
	}
	if d.chance(40) {
		p.Noise.More, p.Noise.End = d.between(1, 60), weighted(d, choice[verb]{40, doKill}, choice[verb]{40, doStop}, choice[verb]{20, ""})
	}
	quiet := d.chance(50) // then the last records are noise, and no record closes their windows
	var mixed []kind
	preload := 0
	for i, k := range p.Records {
		if i == p.Preload {
			preload = len(mixed)
		}
		for d.chance(45) {
			mixed = append(mixed, noise)
		}
		mixed = append(mixed, k)
	}
	if p.Preload == len(p.Records) {
		preload = len(mixed)
	}
	if quiet {
		for range d.between(1, 40) {
			mixed = append(mixed, noise)
		}
	}
	p.Records, p.Preload = mixed, preload
}

const (
	noiseRule   = "chaos-noise"
	noiseMethod = "chaos.Noise"
)

// writeRules writes the rule that sums noise up.
func (r *run) writeRules() error {
	if !r.plan.Noise.On {
		return nil
	}
	const text = `title: ` + noiseRule + `
logsource: {product: confluent, service: audit}
detection:
  selection:
    data.methodName: ` + noiseMethod + `
  condition: selection
auditlog-forwarder:
  action: summarise
  summarise:
    by: [data.authenticationInfo.principal, data.methodName]
`
	if err := os.WriteFile(r.rulesFile(), []byte(text), 0o600); err != nil {
		return fmt.Errorf("write the rule that summarises: %w", err)
	}
	return nil
}

func (r *run) rulesFile() string { return filepath.Join(r.dir, "rules.yml") }

// summed is what a member is told of summaries.
func (r *run) summed(s settings) {
	if n := r.plan.Noise; n.On {
		s["filter.rules"] = r.rulesFile()
		s["summaries.every"], s["summaries.max_keys"] = n.Every.String(), strconv.Itoa(n.MaxKeys)
	}
}

// more goes on with noise, after all of it was summed up.
func (r *run) more(ctx context.Context) error {
	n, m := r.plan.Noise, r.members[0]
	switch n.End {
	case doKill:
		m.kill()
	case doStop:
		m.stop()
	}
	if m.now == nil {
		if err := m.start(ctx); err != nil {
			return err
		}
	}
	r.feed.add(n.More)
	return r.feed.produce(ctx, n.More)
}

// add plans n more events that are to be summed up; hardly any time passes
// between them.
func (f *feeder) add(n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.run.plan.Records = append(f.run.plan.Records, slices.Repeat([]kind{noise}, n)...)
	f.step = time.Millisecond
}

// noise makes an event that is to be summed up, and its key.
func (f *feeder) noise() (value []byte, key string) {
	key = "User:u-" + strconv.Itoa(f.keys.IntN(f.run.plan.Noise.Keys))
	f.noises++
	id := "noise-" + strconv.Itoa(f.noises)
	pad := strings.Repeat("x", f.keys.IntN(300))
	return fmt.Appendf(nil, `{"id":%q,"data":{"methodName":%q,"authenticationInfo":{"principal":%q},"pad":%q}}`, id, noiseMethod, key, pad), key
}

// when is the timestamp of the next record: where windows are to end, time has
// to pass faster than it does, and some records are late.
func (f *feeder) when() time.Time {
	n := f.run.plan.Noise
	if !n.On {
		return time.Time{}
	}
	f.clock = f.clock.Add(f.step)
	late := time.Duration(0)
	if f.keys.IntN(10) == 0 {
		late = time.Duration(f.keys.Int64N(int64(n.Every)))
	}
	return f.clock.Add(-late).Truncate(time.Millisecond)
}

// noiseClock is where timestamps begin: some time ago, since they run ahead.
func noiseClock() time.Time { return time.Now().Add(-2 * time.Hour) }

// refuses reports whether Splunk takes none of a summary's events: by its id,
// so that it refuses all of them.
func refusesSummary(event []byte) bool {
	s, ok := readSummary(event)
	return ok && cmp.Compare(s.ID[:1], "3") <= 0
}
