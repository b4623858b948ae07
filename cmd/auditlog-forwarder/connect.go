package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/importer"
)

func newConnectCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "connect",
		Short: "Come over from Kafka Connect's Splunk sinks",
		Long: `Come over from Kafka Connect: from Splunk's own sink connector, and from the
managed one of Confluent Cloud. docs/connect.md goes through it step by step.`,
	}
	cmd.AddCommand(newConnectImportCommand())
	return cmd
}

// importFlags are what connect import and init have in common.
type importFlags struct {
	output, secretsDir string
	force              bool
}

func (f *importFlags) add(cmd *cobra.Command, output string) {
	fs := cmd.Flags()
	fs.StringVarP(&f.output, "output", "o", output, "`file` to write the configuration to; - is standard output")
	fs.StringVar(&f.secretsDir, "secrets-dir", "", "`folder` for files with the secrets, each for its owner alone (mode 0600); without it secrets are left out and named")
	fs.BoolVar(&f.force, "force", false, "overwrite files that exist")
	_ = cmd.MarkFlagDirname("secrets-dir")
}

func newConnectImportCommand() *cobra.Command {
	var flags importFlags
	opts := importer.Options{ContinueGroup: true}
	report := &oneOf{value: "table", allowed: []string{"table", "json", "none"}}
	cmd := &cobra.Command{
		Use:   "import FILE...",
		Short: "Turn a connector's configuration into ours",
		Long: `Read the configuration of a Splunk sink connector, and write ours.

FILE is any of these, and several of them together (- is standard input):
  - the connector as JSON: its properties, {"name": ..., "config": {...}}, the
    answer of GET /connectors/NAME, or what
    confluent connect cluster describe ID -o json  prints
  - Strimzi's KafkaConnector, as YAML or JSON
  - the connector's or the worker's .properties
  - an environment file, or a Compose file, with CONNECT_... and CONNECT_CONSUMER_...
  - a Kafka client's .properties
  - the answer of GET /connectors/NAME/offsets, or the offset file of a
    standalone worker

A connector alone often does not say where Kafka is and how to sign in: that
stands in the worker's configuration, so give that too. What the connector
overrides (consumer.override...) goes before what the worker says.

The configuration goes to standard output or to -o, with a comment for each
value that tells where it came from; the report goes to standard error. In the
report every property is either translated, or not needed with the reason, or
not supported with what to do, or to be filled in, or unknown. None is left
out.

Secrets never get into the configuration or onto the screen. With --secrets-dir
each is written to a file of its own, which the configuration names; without
it they are left out, and the report says how to give them.

kafka.group_id becomes the connector's own consumer group, connect-NAME, unless
the connector says another: forwarding then goes on at the very next event.
Stop the connector before the forwarder is started. With --continue-group=false
the forwarder has a group of its own, and begins at kafka.start.

Exit codes: 0 the configuration is whole, but for secrets; 1 a file could not be
read or written; 3 something else is missing or refused (it is written all the
same, so that it can be mended).`,
		Example: "  " + program + " connect import connector.json worker.properties -o config.yaml --secrets-dir secrets\n" +
			"  curl -s localhost:8083/connectors/splunk | " + program + " connect import - docker-compose.yml -o config.yaml\n" +
			"  " + program + " connect import connector.json --report json 2>report.json",
		Args: positional(cobra.MinimumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			return connectImport(cmd, args, opts, flags, report.value)
		},
	}
	flags.add(cmd, "-")
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.BoolVar(&opts.ContinueGroup, "continue-group", true, "go on in the connector's own consumer group")
	fs.StringVar(&opts.GroupID, "group-id", "", "`name` of the connector's consumer group, where the files do not tell it")
	fs.Var(report, "report", "how the report is written to standard error: table, json or none")
	_ = cmd.RegisterFlagCompletionFunc("report", cobra.FixedCompletions(report.allowed, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("group-id", cobra.NoFileCompletions)
	return cmd
}

func connectImport(cmd *cobra.Command, paths []string, opts importer.Options, flags importFlags, report string) error {
	docs, err := importer.ReadAll(paths, fileReader(app.Stoppable(cmd.Context(), cmd.InOrStdin())))
	if err != nil {
		return &exitError{code: exitRunning, err: err, hint: cmd.CommandPath() + " --help says what is read"}
	}
	if err := flags.resolve(&opts); err != nil {
		return err
	}
	res, err := importer.Import(docs, opts)
	if err != nil {
		return &exitError{code: exitRunning, err: err, hint: cmd.CommandPath() + " --help says what is read"}
	}
	if res.HasConfig() {
		if err := flags.write(cmd.OutOrStdout(), res); err != nil {
			return err
		}
	}
	switch report {
	case "json":
		err = res.WriteJSON(cmd.ErrOrStderr())
	case "table":
		err = res.WriteText(cmd.ErrOrStderr())
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	switch {
	case res.Barren():
		return &exitError{code: exitConfig, err: errors.New("no configuration was written, since nothing of these files could be translated"), hint: cmd.CommandPath() + " --help says what is read"}
	case !res.Ready():
		return &exitError{code: exitConfig, err: errors.New("the configuration is not whole yet"), hint: "the report says what is missing"}
	}
	return nil
}

// fileReader reads files, each once, and standard input for a dash.
func fileReader(stdin io.Reader) func(string) ([]byte, error) {
	return func(path string) ([]byte, error) {
		in := stdin
		if path != "-" {
			f, err := os.Open(path)
			if err != nil {
				return nil, fmt.Errorf("read a configuration: %w", err)
			}
			defer func() { _ = f.Close() }() // read only
			in = f
		}
		data, err := io.ReadAll(io.LimitReader(in, importer.MaxFile+1))
		if errors.Is(err, context.Canceled) {
			err = errInterrupted
		}
		if err != nil {
			return nil, fmt.Errorf("read a configuration: %w", err)
		}
		return data, nil
	}
}

// resolve makes the folder of secrets absolute: the configuration may be used
// from anywhere.
func (f importFlags) resolve(opts *importer.Options) error {
	opts.Name = f.output
	if f.output == "-" {
		opts.Name = "config.yaml"
	}
	if f.secretsDir == "" {
		return nil
	}
	dir, err := filepath.Abs(f.secretsDir)
	if err != nil {
		return fmt.Errorf("find the folder %s: %w", f.secretsDir, err)
	}
	opts.SecretsDir = dir
	return nil
}

// write writes the secrets first, so that there is no configuration which
// names files that are not there.
func (f importFlags) write(stdout io.Writer, res *importer.Result) error {
	if !f.force {
		paths := []string{}
		for _, s := range res.Files() {
			paths = append(paths, s.Path)
		}
		if f.output != "-" {
			paths = append(paths, f.output)
		}
		for _, path := range paths { // all before anything is written
			if _, err := os.Lstat(path); err == nil {
				return existing(path)
			}
		}
	}
	if len(res.Files()) > 0 {
		if err := os.MkdirAll(f.secretsDir, 0o700); err != nil {
			return fmt.Errorf("make the folder of secrets: %w", err)
		}
	}
	for _, s := range res.Files() {
		if err := writeNew(s.Path, []byte(s.Data().Reveal()), 0o600, f.force); err != nil {
			return err
		}
	}
	if f.output == "-" {
		if _, err := stdout.Write(res.YAML()); err != nil {
			return fmt.Errorf("write the configuration: %w", err)
		}
		return nil
	}
	return writeNew(f.output, res.YAML(), 0o600, f.force)
}

func existing(path string) error {
	return &exitError{code: exitRunning, err: fmt.Errorf("%s exists and is left as it is", path), hint: "name another one, move it away, or say --force"}
}

// writeNew writes a file that nobody else can read from its first byte on. One
// that is to be replaced is written beside it and takes its place.
func writeNew(path string, data []byte, mode fs.FileMode, force bool) error {
	name := path
	if force {
		name += ".new"
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("write %s: %w", path, err)
		}
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if errors.Is(err, fs.ErrExist) {
		return existing(name)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Sync(), file.Close()); err == nil && force {
		err = os.Rename(name, path)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, errors.Join(err, os.Remove(name)))
	}
	return nil
}
