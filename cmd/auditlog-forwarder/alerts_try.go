package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/alerts"
	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

// alertTestFlags say which alerts are tried, and on what.
type alertTestFlags struct {
	names    []string
	fromFile string
	topic    bool
	last     time.Duration
	show     bool
	top      int
	format   *oneOf
}

func newAlertsTestCommand() *cobra.Command {
	flags := alertTestFlags{format: &oneOf{value: "table", allowed: []string{"table", "json"}}}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Prove alerts on their examples, or try them on events of your own",
		Long: `Without --from-file and --from-topic, run each alert over the examples that its file
has: events that must fire it, and events that must not. They prove the rules as
they are without alerts.settings.

--from-file FILE (- is standard input) and --from-topic tell instead which alerts
would have fired on your own events, how often, on what, and how many messages a
day that would have been, so that noisy alerts are found before they are enabled.
They are told of all alerts, enabled or not; alerts.settings is taken into account.
A file has one event a line, in any order: as it came from Kafka, in HEC's envelope,
or as Splunk exports it as JSON (_raw) or raw events; it may be packed with gzip.
--from-topic reads the topics of the configuration, by default the last 24 hours of
them. Nothing is sent, no group is joined, and nothing is committed; it may run
beside a forwarder.

Alerts are run as Splunk runs their saved searches, at the same times, if its
scheduler has UTC. For a file the events' own times stand for those at which Splunk
would have indexed them, for a topic those at which Kafka took them. Alerts that
look at the forwarder's heartbeats cannot be judged by the audit topic, which has
none; the table says so.

Of the configuration it needs the section alerts, and kafka with --from-topic.

The exit code is 1 if an example does not do what it says, if an alert has none that
fires or none that does not, or if there was no event; 3 if a rule or the
configuration is wrong. That alerts would have fired is no failure.`,
		Example: "  " + program + " alerts test\n" +
			"  " + program + " alerts test --alerts.rules my-alerts/*.yml --show\n" +
			"  " + program + " alerts test --from-topic --last 168h\n" +
			"  " + program + " alerts test --from-file events.jsonl --alert 'CC cluster deletion' --show\n" +
			"  " + program + " alerts test --from-topic -o json | jq '.alerts[] | select(.per_day > 10) | .alert'",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) },
	}
	f := cmd.Flags()
	f.StringArrayVar(&flags.names, "alert", nil, "only the alert of this name; may be there several times")
	f.StringVar(&flags.fromFile, "from-file", "", "try the alerts on the events of this file, one a line; - is standard input")
	f.BoolVar(&flags.topic, "from-topic", false, "try the alerts on the events of the topics")
	f.DurationVar(&flags.last, "last", 24*time.Hour, "with --from-topic: how far back the topics are read")
	f.BoolVar(&flags.show, "show", false, "print a sample event of each group that is listed; with examples, the messages of those that fire")
	f.IntVar(&flags.top, "top", 3, "how many groups are listed of an alert that would have fired")
	f.VarP(flags.format, "output", "o", "table or json")
	completeFormat(cmd, flags.format)
	_ = cmd.RegisterFlagCompletionFunc("alert", completeAlerts)
	addConfigFlags(cmd, "alerts.rules", "alerts.settings", "kafka")
	return cmd
}

func (f *alertTestFlags) run(cmd *cobra.Command) error {
	if err := f.check(cmd); err != nil {
		return err
	}
	c, cfg, err := loadAlerts(cmd)
	if err != nil {
		return err
	}
	ofExamples := f.fromFile == "" && !f.topic
	if ofExamples && cfg.Alerts.Settings != "" { // they prove the rules as they are without
		if c, err = alerts.Load(cfg.Alerts.Rules, ""); err != nil {
			return &exitError{code: exitConfig, err: err}
		}
	}
	list := c.Alerts
	if len(f.names) > 0 {
		list = nil
		for _, name := range f.names {
			a, err := c.Find(name)
			if err != nil {
				return usageError(fmt.Errorf("flag --alert: %w", err), "") // the error has the next step
			}
			list = append(list, a)
		}
	}
	if ofExamples {
		return f.examples(cmd, list)
	}
	return f.events(cmd, list)
}

// check refuses flags that do not go together.
func (f *alertTestFlags) check(cmd *cobra.Command) error {
	hint := cmd.CommandPath() + " --help shows how it is used"
	switch {
	case f.fromFile != "" && f.topic:
		return usageError(errors.New("--from-file and --from-topic are given, but events come from one of them"), "leave one out")
	case cmd.Flags().Changed("last") && !f.topic:
		return usageError(errors.New("--last is given, which is about the topics"), "add --from-topic, or leave it out")
	case cmd.Flags().Changed("top") && f.fromFile == "" && !f.topic:
		return usageError(errors.New("--top is given, which is about events"), "add --from-file or --from-topic, or leave it out")
	case f.last <= 0 || f.top < 0:
		return usageError(errors.New("--last must be above 0, and --top not below"), hint)
	}
	return nil
}

// events tries alerts on a user's own events.
func (f *alertTestFlags) events(cmd *cobra.Command, list []*alerts.Alert) (err error) {
	opts := app.AlertTrialOptions{Alerts: list, Last: f.last, Top: f.top}
	stop := func() {}
	switch {
	case f.topic:
		if opts.Config, err = topicConfig(cmd); err != nil {
			return err
		}
		opts.Progress, _, stop = showProgress(cmd.ErrOrStderr(), "alerts test: ", "records read")
	case f.fromFile == "-":
		opts.Events = app.Stoppable(cmd.Context(), cmd.InOrStdin())
	default:
		file, err := os.Open(f.fromFile)
		if err != nil {
			return usageError(fmt.Errorf("flag --from-file: %w", err), "name a file with one event a line, or - for standard input")
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		opts.Events = app.Stoppable(cmd.Context(), file)
		info, err := file.Stat()
		switch {
		case err == nil && info.IsDir():
			return usageError(fmt.Errorf("flag --from-file: %s is a directory", f.fromFile), "name a file with one event a line, or - for standard input")
		case err == nil && info.Mode().IsRegular():
			var progress func(done, total int)
			progress, _, stop = showProgress(cmd.ErrOrStderr(), "alerts test: ", "bytes read")
			opts.Events = &counted{r: file, total: int(info.Size()), progress: progress}
		}
	}
	report, err := app.TryAlerts(cmd.Context(), opts)
	stop()
	if err != nil {
		return err
	}
	if !f.show {
		for _, v := range report.Alerts {
			for _, g := range v.Groups {
				g.Sample = ""
			}
		}
	}
	if f.format.value == "json" {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = printAlertTrial(cmd.OutOrStdout(), report)
	}
	switch {
	case err != nil:
		return fmt.Errorf("print the result: %w", err)
	case report.Events == 0 && f.topic:
		return &exitError{code: exitRunning, err: errors.New("there was no event to try the alerts on"), hint: "go further back with --last"}
	case report.Events == 0:
		return &exitError{code: exitRunning, err: errors.New("there was no event to try the alerts on"), hint: "the file has one event a line, as it came from Kafka, in HEC's envelope or as Splunk exports it as JSON or raw events (not as CSV); jq -c . makes lines of JSON that is spread over several, jq -c '.[]' of an array"}
	}
	return nil
}

// topicConfig is the configuration as far as topics are read.
func topicConfig(cmd *cobra.Command) (config.Config, error) {
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return config.Config{}, err
	}
	if err := config.Concerning(err, "kafka"); err != nil {
		return config.Config{}, &exitError{code: exitConfig, err: err}
	}
	if loaded.Kafka.TopicPattern != "" {
		return config.Config{}, usageError(errors.New("kafka.topic_pattern is set, and the topics to read have to be named"), "add --kafka.topic-pattern= and --kafka.topics NAME, or use --from-file")
	}
	return loaded.Config, nil
}

// counted tells how much of a file was read.
type counted struct {
	r           io.Reader
	done, total int
	progress    func(done, total int)
}

// Read implements io.Reader.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.done += n
	c.progress(min(c.done, c.total), c.total)
	return n, err
}
