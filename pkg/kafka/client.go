// Package kafka is the only place that knows Sarama: it joins the consumer
// group, finds where each partition starts and what was lost before it, turns
// errors into something a person can act on, and writes records for the
// generator.
package kafka

import (
	"fmt"
	"net"
	"time"

	"github.com/IBM/sarama"
	"go.uber.org/zap"
)

// clientConfig turns a Config into Sarama's.
func clientConfig(c Config, log *zap.Logger) (*sarama.Config, error) {
	s := sarama.NewConfig()
	// Bounds which request versions Sarama uses: old enough for every broker in
	// support, new enough for static membership, fetching from the closest
	// replica, and zstd.
	s.Version = sarama.V3_0_0_0
	s.ClientID = c.ClientID
	s.RackID = c.ClientRack
	s.Net.DialTimeout = 10 * time.Second
	s.Net.KeepAlive = 30 * time.Second

	if c.UsesTLS() {
		host := ""
		if len(c.BootstrapServers) > 0 {
			host, _, _ = net.SplitHostPort(c.BootstrapServers[0])
		}
		tlsConfig, err := c.TLS.Config(host)
		if err != nil {
			return nil, fmt.Errorf("kafka.tls.%w", err)
		}
		// Every broker has its own name; Sarama fills it in when it is empty.
		if c.TLS.ServerName == "" {
			tlsConfig.ServerName = ""
		}
		s.Net.TLS.Enable, s.Net.TLS.Config = true, tlsConfig
		if c.TLS.InsecureSkipVerify {
			log.Warn("kafka.tls.insecure_skip_verify is on: anyone on the way can read the password and the events; use kafka.tls.ca_file instead")
		}
	}
	if c.UsesSASL() {
		from, err := c.SASL.tokens(nil, log)
		if err != nil {
			return nil, err
		}
		c.SASL.apply(s, from)
	}

	// Reading must never create a topic that was misspelt.
	s.Metadata.AllowAutoTopicCreation = false
	// A pattern is matched against all topics; otherwise ours are enough.
	s.Metadata.Full = c.TopicPattern != ""
	s.Metadata.RefreshFrequency = c.MetadataRefresh

	s.Consumer.Return.Errors = true
	s.Consumer.Fetch.Default = int32(c.FetchBytes) //nolint:gosec // Config.Validate bounds it to 64 MiB
	s.Consumer.MaxWaitTime = c.FetchMaxWait
	// What an aborted transaction wrote never happened.
	s.Consumer.IsolationLevel = sarama.ReadCommitted
	// Events may expire between Setup and the first fetch; then what is left
	// must be read, and never skipped as Sarama's own default would.
	s.Consumer.Offsets.Initial = sarama.OffsetOldest
	// The committer commits, on connections of its own; Sarama's marks only say
	// where a claim starts.
	s.Consumer.Offsets.AutoCommit.Enable = false

	s.Consumer.Group.InstanceId = c.GroupInstanceID
	s.Consumer.Group.Session.Timeout = c.SessionTimeout
	s.Consumer.Group.Heartbeat.Interval = min(3*time.Second, c.SessionTimeout/3)
	s.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategySticky()}
	s.Consumer.Group.ResetInvalidOffsets = true

	if err := s.Validate(); err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return s, nil
}
