package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/tidwall/gjson"

	"auditlog-forwarder/pkg/hec/hectest"
)

// splunk is the receiver: it notes what it indexes, and keeps one event of
// each kind to show.
type splunk struct {
	server *hectest.Server
	ledger *ledger
	forget func(place) bool

	mu       sync.Mutex
	byMethod map[string]hectest.Event
	err      error // an event that is none of ours
}

func startSplunk(l *ledger, bad *poison, forget func(place) bool) (*splunk, error) {
	s := &splunk{ledger: l, forget: forget, byMethod: map[string]hectest.Event{}}
	var err error
	s.server, err = hectest.Listen("127.0.0.1:0", hectest.WithSink(s.index),
		hectest.WithToken(hectest.Token{Value: hectest.DefaultToken, Indexes: []string{index}}))
	if err != nil {
		return nil, fmt.Errorf("start the HEC receiver: %w", err)
	}
	s.server.Poison(bad.is)
	return s, nil
}

// index takes one event. The receiver calls it for one event at a time.
func (s *splunk) index(e hectest.Event) {
	at, err := placeOf(e.Fields)
	if err != nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.err = err
		return
	}
	if s.forget != nil && s.forget(at) {
		return
	}
	s.ledger.arrive(at, sha256.Sum256(e.Event))

	method := gjson.GetBytes(e.Event, "data.methodName").Str
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, known := s.byMethod[method]; !known {
		s.byMethod[method] = e
	}
}

// placeOf reads where in Kafka an event comes from.
func placeOf(fields []byte) (place, error) {
	var f struct {
		Topic     string `json:"kafka_topic"`
		Partition string `json:"kafka_partition"`
		Offset    string `json:"kafka_offset"`
	}
	if err := json.Unmarshal(fields, &f); err != nil {
		return place{}, fmt.Errorf("read the fields of an accepted event: %w", err)
	}
	partition, err := strconv.ParseInt(f.Partition, 10, 32)
	if err != nil {
		return place{}, fmt.Errorf("read kafka_partition of an accepted event: %w", err)
	}
	offset, err := strconv.ParseInt(f.Offset, 10, 64)
	if err != nil {
		return place{}, fmt.Errorf("read kafka_offset of an accepted event: %w", err)
	}
	if f.Topic != topic {
		return place{}, fmt.Errorf("an accepted event says that it comes from topic %q", f.Topic)
	}
	return place{int32(partition), offset}, nil
}

// examples returns up to n indexed events of different kinds, well-known
// kinds first.
func (s *splunk) examples(n int) []hectest.Event {
	s.mu.Lock()
	defer s.mu.Unlock()
	methods := []string{"mds.Authorize", "kafka.Authentication", "SignIn", "flink.Authorize", "kafka.Fetch"}
	var others []string
	for m := range s.byMethod {
		if !slices.Contains(methods, m) {
			others = append(others, m)
		}
	}
	slices.Sort(others)
	var found []hectest.Event
	for _, m := range append(methods, others...) {
		if e, ok := s.byMethod[m]; ok && len(found) < n {
			found = append(found, e)
		}
	}
	return found
}

// close ends the receiver and returns what was wrong with what it was sent.
func (s *splunk) close() error {
	s.server.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}
