package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"auditlog-forwarder/pkg/config"
)

// The exit codes; the root's help tells them too.
const (
	exitOK         = 0
	exitRunning    = 1   // an error while running
	exitUsage      = 2   // the command line is wrong
	exitConfig     = 3   // the configuration is invalid
	exitCheck      = 4   // check found a failure
	exitUnfinished = 5   // run --until or --from was stopped before its end
	exitForced     = 130 // a second signal
)

// exitError gives an error its exit code and tells what to do next.
type exitError struct {
	code int
	err  error
	hint string // may be empty
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

func usageError(err error, hint string) error {
	return &exitError{code: exitUsage, err: err, hint: hint}
}

// exitCode maps an error to the code that the process ends with.
func exitCode(err error) int {
	var e *exitError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &e):
		return e.code
	default:
		return exitRunning
	}
}

// printError writes an error for people: each line begins with the program's
// name, joined errors stand one on a line, the hint comes last.
func printError(w io.Writer, err error) {
	if err == nil {
		return
	}
	printLines(w, "", err.Error())
	var e *exitError
	if errors.As(err, &e) && e.hint != "" {
		printLines(w, "hint: ", e.hint)
	}
}

// printLines writes text with the program's name before each line. Nothing
// can be done if standard error is closed.
func printLines(w io.Writer, kind, text string) {
	for line := range strings.SplitSeq(text, "\n") {
		_, _ = fmt.Fprintf(w, "%s: %s%s\n", program, kind, line)
	}
}

// flagError turns pflag's errors into usage errors with a hint. A value that
// a flag refuses is not repeated, since it might be a secret.
func flagError(cmd *cobra.Command, err error) error {
	hint := cmd.CommandPath() + " --help lists the flags"
	var unknown *pflag.NotExistError
	var invalid *pflag.InvalidValueError
	switch {
	case errors.As(err, &unknown):
		name := unknown.GetSpecifiedName()
		if h := config.FlagHint(cmd.Flags(), name); h != "" && unknown.GetSpecifiedShortnames() == "" {
			hint = h
		}
	case errors.As(err, &invalid):
		err = fmt.Errorf("flag --%s: %w", invalid.GetFlag().Name, errors.Unwrap(invalid))
	}
	return usageError(err, hint)
}
