package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

// trialFlags say on which events the rules are tried.
type trialFlags struct {
	events   string
	last     time.Duration
	show     string
	examples int
	format   *oneOf
}

func newFilterTestCommand() *cobra.Command {
	flags := trialFlags{format: &oneOf{value: "table", allowed: []string{"table", "json"}}}
	cmd := &cobra.Command{
		Use:   "test",
		Short: "Show what the rules would do to events, and what they save",
		Long: `Show what the rules of the configuration would do to events: for each rule how
many it takes effect on, what is sent, dropped, summed up, routed and redacted,
and how many bytes of Splunk's licence are saved, by day if the events span a
minute or more. The licence counts the bodies of events; so does this.

The events come from a file with one event a line (--events FILE, - for standard
input), or from the topics: by default those of the last hour. Nothing is sent,
no group is joined, and nothing is committed; it may run beside a forwarder. For a
file it needs only the section filter of the configuration, which flags can give
as well.

--show RULE prints examples of what a rule does. They are events as they are,
with what a rule hides in them.

The exit code is 1 if there was no event, and 3 if a rule is wrong.`,
		Example: "  " + program + " filter test --last 24h\n" +
			"  " + program + " filter test --events events.jsonl --filter.rules preset:keep-security\n" +
			"  " + program + " filter test --events events.jsonl --filter.rules my.yml --show 'hide emails'\n" +
			"  " + program + " filter test -o json | jq .per_day.saved_bytes",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return flags.run(cmd) },
	}
	f := cmd.Flags()
	f.StringVar(&flags.events, "events", "", "file with one event a line; - is standard input; without it the topics are read")
	f.DurationVar(&flags.last, "last", time.Hour, "how far back the topics are read")
	f.StringVar(&flags.show, "show", "", "print examples of what the rule of this title does")
	f.IntVar(&flags.examples, "examples", 3, "how many examples --show prints")
	f.VarP(flags.format, "output", "o", "table or json")
	completeFormat(cmd, flags.format)
	addConfigFlags(cmd)
	return cmd
}

func (f *trialFlags) run(cmd *cobra.Command) (err error) {
	cfg, err := f.load(cmd)
	if err != nil {
		return err
	}
	opts := app.TrialOptions{Config: cfg, Last: f.last, Show: f.show, Examples: f.examples}
	stop := func() {}
	switch {
	case f.events == "-":
		opts.Events = app.Stoppable(cmd.Context(), cmd.InOrStdin())
	case f.events != "":
		file, err := os.Open(f.events)
		if err != nil {
			return usageError(fmt.Errorf("flag --events: %w", err), "name a file with one event a line, or - for standard input")
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		opts.Events = file
	default:
		opts.Progress, _, stop = showProgress(cmd.ErrOrStderr(), "filter test: ", "read")
	}
	report, err := app.TryFilter(cmd.Context(), opts)
	stop()
	if err != nil {
		return err
	}
	if err := f.print(cmd.OutOrStdout(), report); err != nil {
		return fmt.Errorf("print the result: %w", err)
	}
	if report.Read.Events == 0 {
		return &exitError{code: exitRunning, err: errors.New("there was no event to try the rules on"), hint: "name more with --last, or a file with --events"}
	}
	return nil
}

// load loads the configuration. Mistakes in sections that are not needed do not
// stop it.
func (f *trialFlags) load(cmd *cobra.Command) (config.Config, error) {
	if cmd.Flags().Changed("events") && cmd.Flags().Changed("last") {
		return config.Config{}, usageError(errors.New("--events and --last are given, but events come from one of them"), "leave one out")
	}
	if f.last <= 0 || f.examples < 0 {
		return config.Config{}, usageError(errors.New("--last and --examples must be above 0"), cmd.CommandPath()+" --help shows how it is used")
	}
	loaded, err := loadConfig(cmd)
	if loaded == nil {
		return config.Config{}, err
	}
	needed := []error{config.Concerning(err, "filter")}
	if f.events == "" {
		needed = append(needed, config.Concerning(err, "kafka"))
	}
	if err := unique(needed); err != nil {
		return config.Config{}, &exitError{code: exitConfig, err: err}
	}
	if f.events == "" && loaded.Kafka.TopicPattern != "" {
		return config.Config{}, usageError(errors.New("kafka.topic_pattern is set, and the topics to read have to be named"), "add --kafka.topic-pattern= and --kafka.topics NAME, or use --events")
	}
	return loaded.Config, nil
}

// unique joins mistakes, of which two sections may have the same.
func unique(errs []error) error {
	var all []error
	seen := map[string]bool{}
	for _, err := range errs {
		for _, m := range config.Mistakes(err) {
			if !seen[m.Error()] {
				seen[m.Error()] = true
				all = append(all, m)
			}
		}
	}
	return errors.Join(all...)
}

func (f *trialFlags) print(w io.Writer, r app.FilterReport) error {
	if f.format.value == "json" {
		return printJSON(w, r)
	}
	return printTrial(w, r, f.show)
}
