package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

const (
	indexName     = "audit"
	poisonMark    = `{"chaos":"poison",`
	maxEventBytes = 32 << 10
)

// run is one seed at work.
type run struct {
	suite  *suite
	plan   plan
	broker *kafkatest.Node
	client *kgo.Client
	admin  *kadm.Client
	topic  string // and the group
	dir    string
	ctx    context.Context // ends when the run is over or given up

	net       *faultnet.Net
	ledger    *ledger
	endpoints []*endpoint
	members   []*member
	feed      *feeder

	side sync.WaitGroup // what goes on beside the steps; it ends with ctx

	checking sync.Mutex
	mu       sync.Mutex
	ids      int
	requests []*request
	visits   map[*faultnet.Exchange]visit
	behinds  map[*faultnet.Proxy]*incarnation
	all      []*incarnation
	dead     int // the endpoint that is dead throughout; -1: none
	current  string
	letters  []string // folders of dead letters, with those moved away
	checked  []int64  // by partition: committed offsets that were found to be settled; guarded by checking
	counted  []int64  // likewise: below them all that is summed up is in a summary
}

// execute plays the plan and returns what came of it. An error means that the
// run could not be made, not that the product is wrong.
func (s *suite) execute(ctx context.Context, p plan, broker *kafkatest.Node, dir string) (res result, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.limit)
	defer cancel()
	began := time.Now()
	r := &run{
		suite: s, plan: p, broker: broker, dir: dir, ctx: ctx, net: faultnet.New(), ledger: newLedger(p.Partitions),
		topic: fmt.Sprintf("chaos-%d-%s", p.Seed, uuid.NewString()[:8]), behinds: map[*faultnet.Proxy]*incarnation{},
		visits: map[*faultnet.Exchange]visit{}, dead: -1, current: firstToken, checked: make([]int64, p.Partitions), counted: make([]int64, p.Partitions),
	}
	for _, st := range p.Steps {
		if st.Do == doDead {
			r.dead = st.Endpoint
		}
	}
	defer func() {
		cancel()
		err = errors.Join(err, r.close(ctx))
	}()
	if err := r.setUp(ctx); err != nil {
		return res, err
	}
	r.side.Go(func() { r.watchCommits(ctx) })
	r.side.Go(func() { r.feed.rest(ctx) })
	if err = r.direct(ctx); err == nil {
		r.finish(ctx)
	}
	if err = errors.Join(err, r.feed.err()); err != nil {
		return res, fmt.Errorf("seed %d: %w", p.Seed, err)
	}
	r.stopMembers()
	r.checkCommitted(ctx)
	return r.verdict(ctx, time.Since(began)), nil
}

// setUp makes everything and starts the first members.
func (r *run) setUp(ctx context.Context) (err error) {
	if r.client, err = r.broker.Client(kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0)); err != nil {
		return err
	}
	r.admin = kadm.NewClient(r.client)
	if err := r.broker.CreateTopic(ctx, r.admin, r.topic, int32(r.plan.Partitions)); err != nil { //nolint:gosec // at most 6
		return err
	}
	if err := r.writeToken(firstToken); err != nil {
		return err
	}
	if err := r.writeRules(); err != nil {
		return err
	}
	for n := range r.plan.Endpoints {
		e, err := newEndpoint(ctx, r, n)
		if err != nil {
			return err
		}
		r.endpoints = append(r.endpoints, e)
	}
	if r.feed, err = newFeeder(r); err != nil {
		return err
	}
	if err := r.feed.produce(ctx, r.plan.Preload); err != nil {
		return err
	}
	r.members = []*member{r.newMember(0, true)}
	if r.plan.Second != nobody {
		r.members = append(r.members, r.newMember(1, r.plan.Second == peer))
	}
	for _, m := range r.members {
		r.letters = append(r.letters, m.dead)
	}
	if r.plan.has(doFull) {
		if err := r.members[0].fillStore(); err != nil {
			return err
		}
	}
	if err := r.members[0].start(ctx); err != nil || r.plan.Second != peer {
		return err
	}
	return r.members[1].start(ctx)
}

// stopMembers ends all that run, in order.
func (r *run) stopMembers() {
	var all sync.WaitGroup
	for _, m := range r.members {
		if m.now != nil {
			all.Go(m.stop)
		}
	}
	all.Wait()
}

// close gives everything back, also after an error.
func (r *run) close(ctx context.Context) error {
	r.ledger.letGo()
	r.side.Wait()
	for _, m := range r.members {
		if m.now != nil {
			m.now.proc.kill()
			m.ended()
		}
	}
	r.net.Close()
	for _, e := range r.endpoints {
		e.down()
		e.free()
		if e.pipe != nil {
			e.pipe.work.Wait()
		}
	}
	if r.client == nil {
		return nil
	}
	defer r.client.Close()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	if _, err := r.admin.DeleteTopic(ctx, r.topic); err != nil {
		return fmt.Errorf("delete topic %s: %w", r.topic, err)
	}
	return nil
}

// pause returns false if the run ends first.
func (r *run) pause(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *run) nextID() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids++
	return r.ids
}

func (r *run) note(q *request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests = append(r.requests, q)
}

// visit is what is known of a request that an indexer has seen.
type visit struct {
	channel string // empty: it named none
	poll    bool
	good    bool // a poll that was answered as it should be
	vague   bool // a post whose answer leaves open whether it got an id
}

// arrived notes that a request of the network has reached an indexer.
func (r *run) arrived(link *faultnet.Exchange, v visit) {
	if link == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.visits[link] = v
}

// enlist notes which process is behind which proxy.
func (r *run) enlist(i *incarnation) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, i)
	for _, p := range i.proxies {
		r.behinds[p] = i
	}
}

func (r *run) behind(p *faultnet.Proxy) *incarnation {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.behinds[p]
}

// deadEndpoint is the one that answers nothing throughout; -1: none.
func (r *run) deadEndpoint() int { return r.dead }

// The tokens; the second one is for a rotation.
const (
	firstToken  = "5f0c4a7e-0000-4000-8000-000000000001"
	secondToken = "5f0c4a7e-0000-4000-8000-000000000002"
)

// token returns the one that is valid now.
func (r *run) token() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

func (r *run) tokenFile() string { return filepath.Join(r.dir, "token") }

// writeToken puts the token into its file in one step, as tools do.
func (r *run) writeToken(value string) error {
	part := r.tokenFile() + ".part"
	if err := os.WriteFile(part, []byte(value+"\n"), 0o600); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	if err := os.Rename(part, r.tokenFile()); err != nil {
		return fmt.Errorf("write the token: %w", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.current = value
	return nil
}

// folders returns where dead letters lie.
func (r *run) folders() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.letters)
}

func (r *run) addFolder(dir string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.letters = append(r.letters, dir)
}
