package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/creds"
	"auditlog-forwarder/pkg/kafka"
)

// options is what the flags say.
type options struct {
	events         int64
	seed           uint64
	rate           float64
	malformedEvery int64
	stdout         bool

	servers      []string
	topic        string
	partitions   int32
	createTopic  bool
	compression  string
	wait         time.Duration
	protocol     string
	username     string
	passwordFile string
	caFile       string
}

// usageError is a mistake in the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return &usageError{fmt.Errorf(format, args...)}
}

func newCommand() *cobra.Command {
	var o options
	cmd := &cobra.Command{
		Use:   "auditgen [flags]",
		Short: "Write generated Confluent Cloud audit events to Kafka or standard output",
		Long: `auditgen writes realistic Confluent Cloud audit events, one to a Kafka record,
as fast as it can or at a given rate. About 88 % of them are mds.Authorize, as
in real audit logs; the rest are authentications, requests, sign-ins, and, now
and then, management operations and failures. The same seed gives the same
events, ids included; only their times differ.

It stops after --events records, or at the first interrupt (Ctrl-C), writes
what is under way, and says what was written.`,
		Example: `  # Look at three events.
  auditgen --stdout --events 3

  # Make a topic like the audit log's on a local broker and fill it.
  auditgen --create-topic --events 100000

  # Make the same events again, and so duplicates.
  auditgen --seed 7 --events 100

  # Go on at 20 events a second, as a middle-sized organisation does.
  auditgen --rate 20

  # See what a forwarder does with records that are no events.
  auditgen --events 1000 --malformed-every 100

  # Write to a cluster with a login; the file holds nothing but the password.
  auditgen --events 1000 --bootstrap-servers broker.example.com:9093 \
    --security-protocol SASL_SSL --sasl-username writer \
    --sasl-password-file ./password --tls-ca-file ./ca.pem`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("unexpected argument %q; auditgen takes flags only", args[0])
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			cfg, err := o.check()
			if err != nil {
				return err
			}
			return generate(cmd.Context(), o, cfg, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	cmd.CompletionOptions.DisableDefaultCmd = true

	f := cmd.Flags()
	f.SortFlags = false
	f.Int64Var(&o.events, "events", 0, "number of records to write; 0: until stopped")
	f.Float64Var(&o.rate, "rate", 0, "records a second; 0: as fast as possible")
	f.Uint64Var(&o.seed, "seed", 0, "what the random choices start from; 0: a new one, which is told")
	f.Int64Var(&o.malformedEvery, "malformed-every", 0, "make every Nth record malformed: no JSON, cut short, empty, an array, a number; 0: none")
	f.BoolVar(&o.stdout, "stdout", false, "write JSON lines to standard output, not to Kafka")
	f.StringSliceVar(&o.servers, "bootstrap-servers", []string{"localhost:9092"}, "Kafka `host:port`, several with commas")
	f.StringVar(&o.topic, "topic", "confluent-audit-log-events", "topic to write to")
	f.BoolVar(&o.createTopic, "create-topic", false, "create the topic if there is none (7 days of retention)")
	f.Int32Var(&o.partitions, "partitions", 6, "partitions of the topic that --create-topic creates or finds")
	f.StringVar(&o.compression, "compression", "lz4", "none, lz4, zstd, gzip or snappy")
	f.DurationVar(&o.wait, "wait", 0, "how long to wait for Kafka to be there, such as 2m; 0: not at all")
	f.StringVar(&o.protocol, "security-protocol", kafka.Plaintext, "PLAINTEXT, SSL, SASL_PLAINTEXT or SASL_SSL")
	f.StringVar(&o.username, "sasl-username", "", "user or API key for the mechanism PLAIN")
	f.StringVar(&o.passwordFile, "sasl-password-file", "", "`file` that holds the password or API secret")
	f.StringVar(&o.caFile, "tls-ca-file", "", "PEM `file` with the CAs to trust; empty: the system's")
	return cmd
}

// check finds mistakes before anything is written, all of them at once.
func (o options) check() (kafka.Config, error) {
	var errs []error
	for _, n := range []struct {
		flag  string
		isBad bool
	}{
		{"events", o.events < 0},
		{"rate", o.rate < 0},
		{"malformed-every", o.malformedEvery < 0},
		{"wait", o.wait < 0},
	} {
		if n.isBad {
			errs = append(errs, fmt.Errorf("--%s: must not be negative", n.flag))
		}
	}
	if o.partitions < 1 {
		errs = append(errs, errors.New("--partitions: must be 1 or more"))
	}
	if !kafka.KnownCompression(o.compression) {
		errs = append(errs, fmt.Errorf("--compression: %q is unknown; allowed are none, lz4, zstd, gzip, snappy", o.compression))
	}
	var cfg kafka.Config
	if !o.stdout {
		var err error
		if cfg, err = o.kafkaConfig(); err != nil {
			errs = append(errs, err)
		}
	}
	if len(errs) > 0 {
		return cfg, &usageError{errors.Join(errs...)}
	}
	return cfg, nil
}

// kafkaConfig builds the connection's configuration.
func (o options) kafkaConfig() (kafka.Config, error) {
	cfg := kafka.DefaultConfig()
	cfg.ClientID = "auditgen"
	cfg.BootstrapServers = o.servers
	cfg.Topics = []string{o.topic}
	cfg.SecurityProtocol = strings.ToUpper(o.protocol)
	cfg.SASL.Username = o.username
	cfg.TLS.CAFile = o.caFile
	if o.passwordFile != "" {
		text, err := os.ReadFile(o.passwordFile)
		if err != nil {
			return cfg, fmt.Errorf("--sasl-password-file: %w", err)
		}
		cfg.SASL.Password = creds.NewSecret(string(bytes.TrimRight(text, "\r\n")))
	}
	var errs []error
	for _, err := range cfg.Validate() {
		// The mistakes start with their keys, and the flags are named after
		// them: sasl.username is --sasl-username.
		key, what, _ := strings.Cut(err.Error(), ":")
		errs = append(errs, fmt.Errorf("--%s:%s", flagOf(key), inFlags(what)))
	}
	return cfg, errors.Join(errs...)
}

// inFlags names flags where package kafka names the forwarder's keys.
func inFlags(text string) string {
	var pairs []string
	for _, key := range []string{"bootstrap_servers", "security_protocol", "sasl.username", "sasl.password_file", "tls.ca_file"} {
		pairs = append(pairs, "kafka."+key, "--"+flagOf(key))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

func flagOf(key string) string {
	switch key {
	case "topics":
		return "topic"
	case "sasl.password":
		return "sasl-password-file"
	}
	return strings.NewReplacer("_", "-", ".", "-").Replace(key)
}
