package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"math"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// NotTriedError says that a step of Check could not be tried. It is no failure.
type NotTriedError struct{ Why string }

func (e *NotTriedError) Error() string { return e.Why }

// Check tries what reading needs, one step after the other, without joining
// the group and without changing anything, and reports each step: what was
// found, or an *Error, or a *NotTriedError. It ends at the first step that
// later ones rest on.
func Check(ctx context.Context, cfg Config, report func(step, found string, err error)) {
	if cfg.UsesTLS() {
		if _, err := cfg.TLS.Config(""); err != nil {
			report("kafka certificate", "", fmt.Errorf("kafka.tls.%w", err))
			return
		}
	}
	s, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		report("kafka broker", "", err)
		return
	}
	// Somebody waits for the answer.
	s.Metadata.Retry.Max, s.Metadata.Timeout, s.Net.DialTimeout = 1, 15*time.Second, patience
	s.Net.ReadTimeout, s.Net.WriteTimeout = patience, patience
	s.Consumer.MaxWaitTime = min(s.Consumer.MaxWaitTime, time.Second)

	if cfg.UsesTLS() {
		for _, server := range cfg.BootstrapServers {
			found, err := certificate(ctx, server, s.Net.TLS.Config)
			one := cfg
			one.BootstrapServers = []string{server}
			report("kafka certificate", found, explained(one, err))
		}
	}
	if from, ok := s.Net.SASL.TokenProvider.(*tokens); ok {
		found, err := from.try() //nolint:contextcheck // as Sarama calls it, which gives no context; tokenPatience bounds it
		report("kafka token", found, explained(cfg, err))
		if err != nil {
			return
		}
	}
	client, err := connect(ctx, cfg, s)
	report("kafka broker", fmt.Sprintf("connected to %s (%s)", strings.Join(cfg.BootstrapServers, ","), cfg.Security()), explained(cfg, err))
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }() // nothing was written that closing could lose

	topics := checkTopics(cfg, client, report)
	found, err := checkGroup(ctx, cfg, client, topics)
	report("kafka group", found, explained(cfg, err))
	if len(topics) > 0 {
		found, err := readOne(ctx, client, topics)
		report("kafka read", found, explained(cfg, err))
	}
}

// patience is how long Check waits for one answer.
const patience = 5 * time.Second

// explained keeps nil and what was not tried.
func explained(cfg Config, err error) error {
	var notTried *NotTriedError
	if err == nil || errors.As(err, &notTried) {
		return err
	}
	return cfg.explain(err)
}

// certificate reports the names and the days left of a server's certificate.
func certificate(ctx context.Context, server string, config *tls.Config) (string, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: patience}, Config: config}
	conn, err := dialer.DialContext(ctx, "tcp", server)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	tlsConn, ok := conn.(*tls.Conn)
	if !ok || len(tlsConn.ConnectionState().PeerCertificates) == 0 {
		return "", errors.New("the server shows no certificate")
	}
	leaf := tlsConn.ConnectionState().PeerCertificates[0]
	name := leaf.Subject.CommonName
	if name == "" {
		name = strings.Join(leaf.DNSNames, " ")
	}
	// Rounded down: what ended an hour ago has -1 days left.
	days := int(math.Floor(time.Until(leaf.NotAfter).Hours() / 24))
	return fmt.Sprintf("%s: %s, %d days left", server, name, days), nil
}

// checkTopics returns the topics that can be seen.
func checkTopics(cfg Config, client sarama.Client, report func(step, found string, err error)) []string {
	group := &Group{cfg: cfg}
	var err error
	if cfg.TopicPattern != "" {
		if group.pattern, err = compilePattern(cfg.TopicPattern); err != nil {
			report("kafka topic", "", err)
			return nil
		}
	}
	names, err := group.topics(client)
	if err != nil {
		report("kafka topic", "", explained(cfg, err))
		return nil
	}
	var seen []string
	for _, topic := range names {
		partitions, err := client.Partitions(topic)
		var records int64
		for _, p := range partitions {
			oldest, oerr := client.GetOffset(topic, p, sarama.OffsetOldest)
			newest, nerr := client.GetOffset(topic, p, sarama.OffsetNewest)
			err = errors.Join(err, oerr, nerr)
			records += newest - oldest
		}
		if err == nil {
			seen = append(seen, topic)
		} else {
			err = &topicsError{topics: []string{topic}, err: err}
		}
		report("kafka topic", fmt.Sprintf("%s: %d partitions, about %d records kept", topic, len(partitions), records), explained(cfg, err))
	}
	return seen
}

func checkGroup(ctx context.Context, cfg Config, client sarama.Client, topics []string) (string, error) {
	ask := map[string][]int32{}
	for _, t := range topics {
		var err error
		if ask[t], err = client.Partitions(t); err != nil {
			return "", err
		}
	}
	resp, err := groupOffsets(ctx, client, cfg.GroupID, ask)
	switch {
	case errors.Is(err, sarama.ErrGroupIDNotFound):
		// Some brokers say so of a group that never committed.
		resp = &sarama.OffsetFetchResponse{}
	case err != nil:
		return "", err
	}
	if len(topics) == 0 {
		return cfg.GroupID + ": may be used; there is no topic to compare its offsets with", nil
	}
	var lag, fresh int64
	for t, partitions := range ask {
		for _, p := range partitions {
			block := resp.GetBlock(t, p)
			var next int64
			switch {
			case block != nil && block.Err != sarama.ErrNoError:
				return "", block.Err
			case block == nil || block.Offset <= none:
				fresh++
				if cfg.Start != StartEarliest {
					continue // what it would begin with is not known before it does
				}
				if next, err = client.GetOffset(t, p, sarama.OffsetOldest); err != nil {
					return "", err
				}
			default:
				next = block.Offset
			}
			newest, err := client.GetOffset(t, p, sarama.OffsetNewest)
			if err != nil {
				return "", err
			}
			lag += max(0, newest-next)
		}
	}
	found := fmt.Sprintf("%s: %d records behind", cfg.GroupID, lag)
	if fresh > 0 {
		found += fmt.Sprintf("; %d partitions never read, they start at %s", fresh, cfg.Start)
	}
	return found, nil
}

// readOne reads one record, since the right to describe a topic is not the
// right to read it. Topics without records prove nothing, and it says so.
func readOne(ctx context.Context, client sarama.Client, topics []string) (string, error) {
	for _, topic := range topics {
		partitions, err := client.Partitions(topic)
		if err != nil {
			return "", err
		}
		slices.Sort(partitions)
		for _, p := range partitions {
			oldest, err := client.GetOffset(topic, p, sarama.OffsetOldest)
			if err != nil {
				return "", err
			}
			newest, err := client.GetOffset(topic, p, sarama.OffsetNewest)
			if err != nil {
				return "", err
			}
			if oldest < newest {
				return readFrom(ctx, client, topic, p, newest-1)
			}
		}
	}
	return "", &NotTriedError{Why: strings.Join(topics, ", ") + ": no records, so the right to read them could not be tried"}
}

func readFrom(ctx context.Context, client sarama.Client, topic string, partition int32, offset int64) (_ string, err error) {
	consumer, err := sarama.NewConsumerFromClient(client)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, consumer.Close()) }()
	claim, err := consumer.ConsumePartition(topic, partition, offset)
	if err != nil {
		return "", err
	}
	defer claim.AsyncClose()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	select {
	case m, ok := <-claim.Messages():
		if !ok {
			return "", errors.New("the partition was closed while reading")
		}
		return fmt.Sprintf("%s/%d: offset %d of %s", topic, partition, m.Offset, m.Timestamp.UTC().Format(time.RFC3339)), nil
	case e := <-claim.Errors():
		return "", e.Err
	case <-ctx.Done():
		return "", fmt.Errorf("no record came within 10 s: %w", ctx.Err())
	}
}
