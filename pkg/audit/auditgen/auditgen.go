// Package auditgen makes any number of realistic audit events.
//
// Its templates are the events of testdata/events. All of them are played by
// one cast: the same two users, a service account, two clusters and so on (see
// cast.go). New compiles each file once into literal text and slots where the
// cast appears; Next picks a template from the mix, casts the slots from a
// small organisation and appends. No JSON is encoded per event, so a single
// core makes several hundred thousand events a second.
package auditgen

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path"
	"strings"
	"time"

	"auditlog-forwarder/testdata/events"
)

// Generator makes events. It is not safe for concurrent use.
type Generator struct {
	rng       *rand.PCG
	org       *organisation
	scene     scene
	templates []template
	bounds    []uint32 // bounds[i]: sum of the weights of templates 0 to i
	malformed int      // kinds of malformed value handed out so far
	last      time.Time
}

// New makes a generator. Generators with the same seed that are called in the
// same way return the same bytes.
func New(seed uint64) (*Generator, error) {
	g := &Generator{rng: rand.NewPCG(seed, 0x61756469746c6f67)}
	files, err := fs.Glob(events.FS, "*.json")
	if err != nil {
		return nil, fmt.Errorf("list the embedded events: %w", err)
	}
	waiting := make(map[string]bool, len(files))
	for _, f := range files {
		waiting[strings.TrimSuffix(f, path.Ext(f))] = true
	}
	var sum uint32
	for _, w := range mix() {
		if !waiting[w.event] {
			return nil, fmt.Errorf("the mix names %s twice, or no embedded event has that name", w.event)
		}
		delete(waiting, w.event)
		text, err := fs.ReadFile(events.FS, w.event+".json")
		if err != nil {
			return nil, fmt.Errorf("read embedded event: %w", err)
		}
		t, err := compile(text)
		if err != nil {
			return nil, fmt.Errorf("compile event %s: %w", w.event, err)
		}
		sum += w.weight
		g.templates = append(g.templates, t)
		g.bounds = append(g.bounds, sum)
	}
	for name := range waiting {
		return nil, fmt.Errorf("embedded event %s is not in the mix; give it a weight in mix.go", name)
	}
	g.org = newOrganisation(g.rng)
	return g, nil
}

// Next appends one compact event that happened shortly before at, and returns
// the extended slice. Ids are random UUIDs of 122 bits: they repeat neither
// within a run nor between seeds.
func (g *Generator) Next(dst []byte, at time.Time) []byte {
	g.last = at
	n := uint32(below(g.rng.Uint64(), uint64(g.bounds[len(g.bounds)-1])))
	i := 0
	for n >= g.bounds[i] {
		i++
	}
	g.scene.set(g.rng, g.org, at)
	return g.play(dst, g.templates[i])
}

// Malformed appends what must never appear on the topic, in turn: text that
// is no JSON, an event cut short, nothing, a JSON array, a number.
func (g *Generator) Malformed(dst []byte) []byte {
	kind := g.malformed % 5
	g.malformed++
	switch kind {
	case 0:
		return append(dst, "this is not JSON: broker lkc-0 says hello"...)
	case 1:
		start := len(dst)
		dst = g.Next(dst, g.last)
		return dst[:start+(len(dst)-start)/2]
	case 2:
		return dst
	case 3:
		return append(dst, `[{"id":"1"},{"id":"2"}]`...)
	default:
		return append(dst, "20261122"...)
	}
}

// below maps 64 random bits to a number under n, for n under 2^32.
func below(bits, n uint64) uint64 { return (bits >> 32) * n >> 32 }
