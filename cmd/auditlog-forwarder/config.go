package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"auditlog-forwarder/pkg/config"
)

// addConfigFlags gives a command --config and a flag for every key. If sections are
// named, such as alerts or alerts.splunk, help lists only flags of these; the others
// work as well.
func addConfigFlags(cmd *cobra.Command, sections ...string) {
	fs := cmd.Flags()
	fs.SortFlags = false // keep the order of the table
	fs.StringP("config", "c", "", "configuration file; the default is "+config.DefaultFile+" if it exists")
	config.AddFlags(fs)
	for _, k := range config.Keys() {
		if f := fs.Lookup(k.Flag()); f != nil && len(k.Values) > 0 {
			// It fails only for a flag that does not exist.
			_ = cmd.RegisterFlagCompletionFunc(f.Name, cobra.FixedCompletions(k.Values, cobra.ShellCompDirectiveNoFileComp))
		}
		of := func(section string) bool { return strings.HasPrefix(k.Name+".", section+".") }
		if f := fs.Lookup(k.Flag()); f != nil && len(sections) > 0 {
			f.Hidden = !slices.ContainsFunc(sections, of)
		}
	}
}

// loadConfig loads the configuration for a command with addConfigFlags. With
// an error it returns what could be read, to be shown and not to be run.
func loadConfig(cmd *cobra.Command) (*config.Loaded, error) {
	src, err := configSource(cmd)
	if err != nil {
		return nil, err
	}
	loaded, err := config.Load(src)
	if err != nil {
		return loaded, &exitError{code: exitConfig, err: err, hint: configHint(loaded)}
	}
	return loaded, nil
}

// configSource says where a command with addConfigFlags finds its configuration.
func configSource(cmd *cobra.Command) (config.Source, error) {
	flag := cmd.Flags().Lookup("config")
	if flag.Changed && flag.Value.String() == "" {
		return config.Source{}, usageError(errors.New("flag --config is empty"), "name a file, or leave the flag out")
	}
	return config.Source{
		File:           flag.Value.String(),
		DefaultFile:    config.DefaultFile,
		Env:            os.Environ(),
		Flags:          cmd.Flags(),
		CredentialsDir: os.Getenv("CREDENTIALS_DIRECTORY"),
	}, nil
}

// configHint helps somebody who has not configured anything yet.
func configHint(loaded *config.Loaded) string {
	if loaded != nil && loaded.File == "" {
		return "no configuration file was read; " + program + " config init writes one, --config names it"
	}
	return ""
}

func newConfigCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Show the configuration in effect, or write an example",
	}
	cmd.AddCommand(newConfigPrintCommand(), newConfigInitCommand())
	return cmd
}

func newConfigPrintCommand() *cobra.Command {
	format := &oneOf{value: config.PrintYAML, allowed: []string{config.PrintYAML, config.PrintJSON}}
	cmd := &cobra.Command{
		Use:   "print",
		Short: "Print the effective configuration and where each value comes from",
		Long: `Print the effective configuration with the origin of every value: default, file
and line, environment variable, flag, or systemd credential. Secrets are shown
as "[redacted]". An invalid configuration is printed as well, if it could be
read; the mistakes follow on standard error, and the exit code is 3.`,
		Example: "  " + program + " config print --config config.yaml\n" +
			"  " + program + " config print -o json | jq .hec.url",
		Args: positional(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			loaded, err := loadConfig(cmd)
			if loaded == nil {
				return err
			}
			if printErr := loaded.Print(cmd.OutOrStdout(), format.value); printErr != nil {
				return errors.Join(err, fmt.Errorf("print the configuration: %w", printErr))
			}
			for _, w := range loaded.Warnings {
				printLines(cmd.ErrOrStderr(), "warning: ", w)
			}
			return err
		},
	}
	cmd.Flags().VarP(format, "output", "o", "yaml or json")
	completeFormat(cmd, format)
	addConfigFlags(cmd)
	return cmd
}

func newConfigInitCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "init [FILE]",
		Short: "Write a commented example configuration",
		Long: `Write a commented example configuration to FILE, or to standard output. An
existing file is left as it is. The example is valid as it is once the two
secrets are given, for example by AUDITLOG_FORWARDER_KAFKA_SASL_PASSWORD and
AUDITLOG_FORWARDER_HEC_TOKEN; only the addresses and the API key in it have to
be replaced by yours.`,
		Example: "  " + program + " config init config.yaml",
		Args:    positional(cobra.MaximumNArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return config.WriteExample(cmd.OutOrStdout())
			}
			return writeExample(args[0])
		},
	}
}

// writeExample makes a file that only its owner may read, since people put
// secrets into configuration files.
func writeExample(path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &exitError{code: exitRunning, err: fmt.Errorf("%s exists and is left as it is", path), hint: "name another file, or move this one away"}
	}
	if err != nil {
		return fmt.Errorf("write the example: %w", err)
	}
	err = config.WriteExample(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write the example %s: %w", path, err)
	}
	return nil
}
