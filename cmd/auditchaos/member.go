package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"auditlog-forwarder/pkg/faultnet"
)

// member is one forwarder of the group, through all its lives.
type member struct {
	run    *run
	name   string
	static bool   // it has a kafka.group_instance_id, and is not missed while it restarts
	dead   string // folder of its dead letters
	lives  int
	now    *incarnation // nil: it does not run
}

// incarnation is one process of a member, from its start to its end.
type incarnation struct {
	name    string
	proc    *process
	proxies []*faultnet.Proxy // one for each endpoint

	mu       sync.Mutex
	excused  cause                // why what it had not committed may come again; empty: it may not
	stopping time.Time            // SIGTERM was sent; zero: not yet
	over     time.Time            // it does nothing any more; zero: it runs
	unheard  map[string][]silence // by connection; what its log said of posts
}

// excuse notes that marks of this incarnation may have been lost.
func (i *incarnation) excuse(why cause) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.excused == "" {
		i.excused = why
	}
}

// told notes that the process is being stopped.
func (i *incarnation) told() {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.stopping = time.Now()
}

// stoppedBy reports whether the process had been told to stop by then.
func (i *incarnation) stoppedBy(at time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.stopping.IsZero() && !at.Before(i.stopping)
}

// wasStopped reports whether the process was told to stop.
func (i *incarnation) wasStopped() bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return !i.stopping.IsZero()
}

// ends notes that the process does nothing any more.
func (i *incarnation) ends() {
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.over.IsZero() {
		i.over = time.Now()
	}
}

// livedAt reports whether the process ran at a time.
func (i *incarnation) livedAt(at time.Time) bool {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.over.IsZero() || at.Before(i.over)
}

func (i *incarnation) isExcused() (why cause) {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.excused
}

func (r *run) newMember(n int, static bool) *member {
	m := &member{run: r, name: memberName(n), static: static}
	m.dead = filepath.Join(r.dir, "dead-letter-"+m.name)
	return m
}

// start starts the member's next life.
func (m *member) start(ctx context.Context) error {
	m.lives++
	i := &incarnation{name: fmt.Sprintf("%s-%d", m.name, m.lives)}
	var urls []string
	for _, e := range m.run.endpoints {
		p, err := m.run.net.Listen(ctx, e.addr, e.faults)
		if err != nil {
			return err
		}
		if e.number == m.run.deadEndpoint() {
			p.Shut()
		}
		i.proxies = append(i.proxies, p)
		urls = append(urls, "http://"+p.Addr())
	}
	m.run.enlist(i)
	s := m.settings(urls)
	text := strings.Join(s.environ(), "\n") + "\n"
	if err := os.WriteFile(filepath.Join(m.run.dir, i.name+".env"), []byte(text), 0o600); err != nil {
		return fmt.Errorf("keep the settings of %s: %w", i.name, err)
	}
	var err error
	if i.proc, err = startProcess(ctx, m.run.suite.binary, m.run.dir, i.name, s); err != nil {
		return err
	}
	m.now = i
	if m.run.plan.has(doFull) {
		m.run.side.Go(func() { m.makeRoom(i.proc) })
	}
	return nil
}

// settings make everything quick, so that a run takes a second or two.
func (m *member) settings(urls []string) settings {
	p := m.run.plan
	s := settings{
		"kafka.bootstrap_servers": m.run.broker.Bootstrap(), "kafka.security_protocol": "PLAINTEXT",
		"kafka.topics": m.run.topic, "kafka.group_id": m.run.topic, "kafka.session_timeout": "30s",
		"kafka.commit_interval": "100ms", "kafka.fetch_max_wait": "50ms", "kafka.metadata_refresh": "1s",
		"kafka.fetch_bytes": "64KiB",
		"hec.url":           strings.Join(urls, ","), "hec.token_file": m.run.tokenFile(), "hec.index": indexName,
		"hec.timeout": p.Timeout.String(), "hec.backoff_min": "5ms", "hec.backoff_max": "50ms",
		"hec.gzip": strconv.FormatBool(p.Gzip), "hec.max_event_bytes": strconv.Itoa(maxEventBytes),
		"batch.max_events": strconv.Itoa(p.MaxEvents), "batch.window": strconv.Itoa(p.Window),
		"batch.linger": "20ms", "batch.drain": p.drain().String(), "batch.max_uncommitted": strconv.Itoa(p.Uncommit),
		"dead_letter.dir": m.dead, "admin.listen": "127.0.0.1:0", "log.level": "debug", "log.format": "json",
		"heartbeat.interval": "0s", // what arrives is counted
	}
	if m.static {
		s["kafka.group_instance_id"] = m.name
	}
	if p.has(doFull) {
		s["dead_letter.max_bytes"] = "1MiB"
	}
	m.run.summed(s)
	if p.Ack {
		s["hec.ack.enabled"], s["hec.ack.poll_interval"], s["hec.ack.timeout"] = "true", "20ms", p.AckTimeout.String()
	}
	return s
}

// kill ends the member with SIGKILL. What it had not committed may come again.
func (m *member) kill() {
	m.now.ends()
	m.now.proc.kill()
	m.now.excuse(becauseKilled)
	m.ended()
}

// stop ends the member with SIGTERM, after which nothing may come again, if
// there was time for every answer.
func (m *member) stop() {
	m.now.told()
	if m.run.plan.shortDrain() {
		m.now.excuse(becauseGaveUp)
	}
	if err := m.now.proc.stop(m.run.plan.drain() + m.run.suite.patience); err != nil {
		m.run.ledger.complain("%s: %v", m.now.name, err)
	}
	m.ended()
}

func (m *member) ended() {
	m.now.ends()
	for _, p := range m.now.proxies {
		p.Close()
	}
	m.run.readLog(m.now)
	m.now = nil
}
