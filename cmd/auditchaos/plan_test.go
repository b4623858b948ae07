package main

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPlanIsDecidedBySeed holds that a seed reproduces its faults.
func TestPlanIsDecidedBySeed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		a, b := makePlan(seed), makePlan(seed)
		if diff := cmp.Diff(a, b); diff != "" {
			t.Fatalf("seed %d: %s", seed, diff)
		}
		if next := makePlan(seed + 1); cmp.Equal(a.Records, next.Records) && cmp.Equal(a.Steps, next.Steps) {
			t.Errorf("seeds %d and %d are the same run", seed, seed+1)
		}
	}
}

// TestPlansCoverEverything holds that a thousand seeds draw every fault, and
// that each plan can be played.
func TestPlansCoverEverything(t *testing.T) {
	t.Parallel()
	verbs, answers, kinds := map[verb]int{}, map[string]int{}, map[string]int{}
	noisy, refused, ends := 0, 0, map[verb]int{}
	for seed := range uint64(1000) {
		p := makePlan(seed)
		events := 0
		for _, k := range p.Records {
			if k == good {
				events++
			}
		}
		if events != p.Events || p.Preload > len(p.Records) {
			t.Errorf("seed %d: %d events of %d, %d records, %d at first", seed, events, p.Events, len(p.Records), p.Preload)
		}
		if n := p.Noise; n.On {
			noisy++
			if n.Refuse {
				refused++
			}
			if n.More > 0 {
				ends[n.End]++
			}
		}
		if slices.Contains(p.Records, noise) != p.Noise.On {
			t.Errorf("seed %d: summaries %t, and that is not what its records are", seed, p.Noise.On)
		}
		if !slices.IsSortedFunc(p.Steps, func(a, b step) int { return a.At - b.At }) {
			t.Errorf("seed %d: the steps are not in order: %v", seed, p.Steps)
		}
		reachable := p.goodBefore(p.Preload)
		var joined, left bool
		for _, s := range p.Steps {
			verbs[s.Do]++
			if s.At > reachable || s.Endpoint >= p.Endpoints || (s.Member > 0 && p.Second == nobody) {
				t.Errorf("seed %d: step %v cannot be played", seed, s)
			}
			switch s.Do {
			case doReply:
				answers[s.Reply]++
			case doNet:
				kinds[s.Fault.Kind.String()]++
			case doJoin:
				joined = true
			case doLeave:
				left = true
				if !joined {
					t.Errorf("seed %d: the guest leaves before it joins", seed)
				}
			}
		}
		if joined != left || joined != (p.Second == guest) {
			t.Errorf("seed %d: second %s, joined %v, left %v", seed, p.Second, joined, left)
		}
	}
	for _, v := range []verb{
		doReply, doNet, doRefuse, doShut, doDown, doDead, doNoToken, doDisabled, doIndex, doNear, doLarge, doCloud, doKill, doGiveUp,
		doStop, doJoin, doLeave, doBroker, doFreeze, doFull, doNoStore, doRotate, doPolls, doForget, doNoAck, doSilent, doLate,
	} {
		if verbs[v] == 0 {
			t.Errorf("no seed draws %s", v)
		}
	}
	if noisy < 250 || noisy > 420 || refused == 0 || len(ends) != 3 {
		t.Errorf("%d seeds have summaries, %d refuse some, their ends are %v", noisy, refused, ends)
	}
	for _, name := range replyNames() {
		if answers[name] == 0 {
			t.Errorf("no seed draws answer %s", name)
		}
	}
	if len(kinds) != 9 {
		t.Errorf("the network's faults are %v", kinds)
	}
}
