package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/importer"
)

func newInitCommand() *cobra.Command {
	var flags importFlags
	var confluent, clients []string
	noInput := false
	start := importer.NewStart()
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a first configuration",
		Long: `Write a first configuration, short and complete: where the audit log is, as whom
it is read, and where Splunk is. docs/confluent-cloud.md goes through it from
nothing to events in Splunk; config init writes the long form with every key.

--from-confluent reads what the Confluent CLI prints with -o json, as often as
you give it (- is standard input):
    confluent audit-log describe      the topic, the cluster, the environment
    confluent kafka cluster describe  the broker's address
    confluent api-key create          the API key and its secret
--from-properties reads the client.properties of a Kafka client, Java's or
librdkafka's.

On a terminal what is still missing is asked for; an empty answer leaves it
out. Otherwise, and with --no-input, nothing is asked: all comes from flags and
files. Secrets have no flag. They are written only to files of their own in
--secrets-dir (mode 0600), which the configuration names.

Exit codes: 0 the configuration is whole, but for secrets; 1 a file could not be
read or written, or exists already, or an interrupt ended a question: nothing is
written then; 3 something else is missing or refused (it is written all the same,
so that it can be mended).`,
		Example: "  confluent audit-log describe -o json >audit-log.json\n" +
			"  " + program + " init --from-confluent audit-log.json --bootstrap pkc-xxxxx.us-west-2.aws.confluent.cloud:9092 \\\n" +
			"    --hec-url https://splunk.example.com:8088\n" +
			"  " + program + " init --from-properties client.properties --secrets-dir secrets -o config.yaml",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return initialize(cmd, start, flags, confluent, clients, noInput)
		},
	}
	flags.add(cmd, "config.yaml")
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.StringArrayVar(&confluent, "from-confluent", nil, "`file` with JSON of the Confluent CLI; may be repeated")
	fs.StringArrayVar(&clients, "from-properties", nil, "`file` with the properties of a Kafka client; may be repeated")
	fs.StringVar(&start.Bootstrap, "bootstrap", "", "the broker's `address`, host:port; several with commas between them")
	fs.StringVar(&start.Topic, "topic", "", "the audit log's topic, if it is not confluent-audit-log-events")
	fs.StringVar(&start.APIKey, "api-key", "", "the API key, which is no secret; its secret is")
	fs.StringVar(&start.URL, "hec-url", "", "Splunk's `address`, https://host:port; several with commas between them")
	fs.StringVar(&start.Index, "hec-index", "", "the index, if it is not the token's own")
	fs.BoolVar(&noInput, "no-input", false, "ask nothing, also on a terminal")
	for _, name := range []string{"bootstrap", "topic", "api-key", "hec-url", "hec-index"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

func initialize(cmd *cobra.Command, start *importer.Start, flags importFlags, confluent, clients []string, noInput bool) error {
	read := fileReader(app.Stoppable(cmd.Context(), cmd.InOrStdin()))
	failed := func(err error) error { return &exitError{code: exitRunning, err: err} }
	ask := newAsker(cmd.Context(), cmd.InOrStdin(), cmd.ErrOrStderr())
	ask.on = !noInput && ask.terminal()
	if flags.secretsDir == "" {
		// Where there is a secret, it needs a place; without one no folder is made.
		flags.secretsDir = "secrets"
		if flags.output != "-" {
			flags.secretsDir = filepath.Join(filepath.Dir(flags.output), "secrets")
		}
	}
	var opts importer.Options
	if err := flags.resolve(&opts); err != nil {
		return err
	}
	start.SecretsDir, start.Name = opts.SecretsDir, opts.Name
	for _, path := range confluent {
		data, err := read(path)
		if err == nil {
			err = start.Confluent(path, data)
		}
		if err != nil {
			return failed(err)
		}
	}
	if len(clients) > 0 {
		docs, err := importer.ReadAll(clients, read)
		if err == nil {
			err = start.Properties(docs)
		}
		if err != nil {
			return failed(err)
		}
	}
	if _, err := os.Lstat(flags.output); ask.on && !flags.force && flags.output != "-" && err == nil {
		return existing(flags.output) // before anybody has typed
	}
	if err := ask.all(start); err != nil {
		return failed(fmt.Errorf("%w; nothing was written", err))
	}
	res, err := start.Result()
	if err != nil {
		return failed(err)
	}
	if err := flags.write(cmd.OutOrStdout(), res); err != nil {
		return err
	}
	if err := res.WriteText(cmd.ErrOrStderr()); err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	if !res.Ready() {
		return &exitError{code: exitConfig, err: errors.New("the configuration is not whole yet"), hint: "give what is missing by flags, or in the file; the report names it"}
	}
	return nil
}
