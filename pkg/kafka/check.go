package kafka

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// Check tries what reading needs, one step after the other, without joining
// the group and without changing anything, and reports each step: what was
// found, or an *Error. It ends at the first step that later ones rest on.
func Check(ctx context.Context, cfg Config, report func(step, found string, err error)) {
	s, err := clientConfig(cfg, zap.NewNop())
	if err != nil {
		report("kafka tls", "", err)
		return
	}
	// Somebody waits for the answer.
	s.Metadata.Retry.Max, s.Metadata.Timeout, s.Net.DialTimeout = 1, 15*time.Second, 5*time.Second
	// Otherwise a new client does not even connect.
	s.Metadata.Full = true

	if cfg.UsesTLS() {
		found, err := certificate(ctx, cfg.BootstrapServers[0], s.Net.TLS.Config)
		report("kafka certificate", found, explained(cfg, err))
	}
	client, err := sarama.NewClient(cfg.BootstrapServers, s)
	report("kafka broker", fmt.Sprintf("connected to %s (%s)", strings.Join(cfg.BootstrapServers, ","), cfg.Security()), explained(cfg, err))
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }() // nothing was written that closing could lose

	topics := checkTopics(cfg, client, report)
	found, err := checkGroup(cfg, client, topics)
	report("kafka group", found, explained(cfg, err))
	if len(topics) > 0 {
		found, err := readOne(ctx, client, topics[0])
		report("kafka read", found, explained(cfg, err))
	}
}

// explained keeps nil nil.
func explained(cfg Config, err error) error {
	if err == nil {
		return nil
	}
	return cfg.explain(err)
}

// certificate reports the names and the days left of a server's certificate.
func certificate(ctx context.Context, server string, config *tls.Config) (string, error) {
	dialer := tls.Dialer{NetDialer: &net.Dialer{Timeout: 5 * time.Second}, Config: config}
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
	return fmt.Sprintf("%s, %d days left", leaf.Subject.CommonName, int(time.Until(leaf.NotAfter).Hours()/24)), nil
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
		}
		report("kafka topic", fmt.Sprintf("%s: %d partitions, about %d records kept", topic, len(partitions), records), explained(cfg, err))
	}
	return seen
}

func checkGroup(cfg Config, client sarama.Client, topics []string) (string, error) {
	admin, err := sarama.NewClusterAdminFromClient(client)
	if err != nil {
		return "", err
	}
	ask := map[string][]int32{}
	for _, t := range topics {
		if ask[t], err = client.Partitions(t); err != nil {
			return "", err
		}
	}
	resp, err := admin.ListConsumerGroupOffsets(cfg.GroupID, ask)
	if err != nil {
		return "", err
	}
	if resp.Err != sarama.ErrNoError {
		return "", resp.Err
	}
	var lag, fresh int64
	for t, partitions := range ask {
		for _, p := range partitions {
			block := resp.GetBlock(t, p)
			switch {
			case block == nil || block.Offset <= none:
				fresh++
			case block.Err != sarama.ErrNoError:
				return "", block.Err
			default:
				newest, err := client.GetOffset(t, p, sarama.OffsetNewest)
				if err != nil {
					return "", err
				}
				lag += max(0, newest-block.Offset)
			}
		}
	}
	found := fmt.Sprintf("%s: %d records behind", cfg.GroupID, lag)
	if fresh > 0 {
		found += fmt.Sprintf("; %d partitions never read, they start at %s", fresh, cfg.Start)
	}
	return found, nil
}

// readOne reads one record, since the right to describe a topic is not the
// right to read it. A topic without records proves nothing, and it says so.
func readOne(ctx context.Context, client sarama.Client, topic string) (string, error) {
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
		if oldest >= newest {
			continue
		}
		return readFrom(ctx, client, topic, p, newest-1)
	}
	return topic + " has no records; the right to read it could not be tried", nil
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
