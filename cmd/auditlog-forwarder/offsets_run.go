package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/config"
)

// ending is the flags that make run end by itself.
type ending struct {
	until, from, to string
	again           bool
	group           string
	timeout         time.Duration

	bounded *app.Bounded // set by check; nil: run goes on until it is stopped
	resend  *app.Resend
}

func (e *ending) addFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&e.until, "until", "", "forward what is there up to this `time`, commit it, and exit; now is the present end of each partition")
	f.StringVar(&e.from, "from", "", "send a window again that begins at this `time`, under a group of its own")
	f.StringVar(&e.to, "to", "", "the `time` at which the window ends")
	f.BoolVar(&e.again, "again", false, "with --from: begin the window anew, also if it was sent already")
	f.StringVar(&e.group, "resend-group", "", "with --from: the `name` of the group; by default that of kafka.group_id with -resend-FROM-TO behind it")
	f.DurationVar(&e.timeout, "timeout", 0, "with --until or --from: give up after this long, such as 50m; 0 is no limit")
	for name, words := range map[string][]cobra.Completion{"until": {"now", "1h", "24h"}, "from": {"24h", "7d"}, "to": {"now", "1h", "24h"}, "resend-group": nil, "timeout": {"10m", "1h"}} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	}
}

// check reads the flags.
func (e *ending) check(cmd *cobra.Command, now time.Time) error {
	for _, name := range []string{"until", "from", "to", "resend-group"} {
		if f := cmd.Flags().Lookup(name); f.Changed && f.Value.String() == "" { // such as an unset variable of a script
			return usageError(fmt.Errorf("flag --%s is empty", name), "give it a value, or leave it out")
		}
	}
	var errs []error
	at := func(flag, text string) (t time.Time) {
		t, err := parseTime(text, now)
		switch {
		case err != nil:
			errs = append(errs, fmt.Errorf("--%s: %w", flag, err))
		case t.After(now):
			errs = append(errs, fmt.Errorf("--%s: %s lies in the future; what has not happened cannot be waited for, give now for the present end", flag, text))
		}
		return t
	}
	window := e.from != "" || e.to != ""
	switch {
	case window && (e.from == "" || e.to == ""):
		return usageError(errors.New("--from and --to belong together"), "give both ends of the window; --until now goes on to the present end")
	case window && e.until != "":
		return usageError(errors.New("--until excludes --from and --to"), "a window ends at --to")
	case !window && (e.again || e.group != ""):
		return usageError(errors.New("--again and --resend-group need --from and --to"), "they are about a window that is sent again")
	case e.timeout < 0:
		return usageError(fmt.Errorf("--timeout: %s is less than nothing", e.timeout), "0 is no limit")
	case e.timeout > 0 && !window && e.until == "":
		return usageError(errors.New("--timeout needs --until or --from"), "without them run goes on until it is stopped")
	case e.until == "now":
		e.bounded = &app.Bounded{}
	case e.until != "":
		e.bounded = &app.Bounded{Until: at("until", e.until)}
	case window:
		// Whole seconds, so that the window can be given again as it is printed.
		e.resend = &app.Resend{From: at("from", e.from).Truncate(time.Second), To: at("to", e.to).Truncate(time.Second)}
		e.bounded = &app.Bounded{Until: e.resend.To, From: e.resend.From}
		if len(errs) == 0 && !e.resend.From.Before(e.resend.To) {
			errs = append(errs, fmt.Errorf("--from %s is not before --to %s, so that the window is empty", e.from, e.to))
		}
	}
	if len(errs) > 0 {
		return usageError(errors.Join(errs...), "run --help shows how times are written")
	}
	return nil
}

// apply gives a resend its own configuration. A forwarder may run beside it, on
// the same machine and with the same file: what two cannot share is its own too,
// unless a flag says otherwise.
func (e *ending) apply(cmd *cobra.Command, cfg config.Config) (config.Config, error) {
	if e.resend == nil {
		return cfg, nil
	}
	cfg, err := e.resend.Apply(cfg, e.group)
	if err != nil {
		return cfg, &exitError{code: exitConfig, err: err}
	}
	if !cmd.Flags().Changed("admin.listen") {
		cfg.Admin.Listen = "127.0.0.1:0"
	}
	if !cmd.Flags().Changed("dead-letter.dir") {
		cfg.DeadLetter.Dir = e.resend.Folder(cfg.DeadLetter.Dir)
	}
	return cfg, nil
}

// reload loads the configuration as it was loaded at the start.
func (e *ending) reload(cmd *cobra.Command, src config.Source) (*config.Loaded, error) {
	loaded, err := config.Load(src)
	if err != nil {
		return loaded, err
	}
	loaded.Config, err = e.apply(cmd, loaded.Config)
	return loaded, err
}

// prepare sets a window back that is to be sent again.
func (e *ending) prepare(ctx context.Context, cfg config.Config) error {
	if e.resend == nil || !e.again {
		return nil
	}
	err := e.resend.Again(ctx, cfg)
	if err == nil || ctx.Err() == nil {
		return err
	}
	if errors.Is(context.Cause(ctx), errTimeout) {
		err = fmt.Errorf("--timeout is over: %w", err)
	}
	return &exitError{code: exitUnfinished, err: fmt.Errorf("set the window back to its start: %w", err), hint: "nothing was sent; start it again, with --again"}
}

// limit bounds the run by --timeout.
func (e *ending) limit(ctx context.Context) (context.Context, context.CancelFunc) {
	if e.timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeoutCause(ctx, e.timeout, errTimeout)
}

// show draws a bar on a terminal. Elsewhere the log tells how far it is. Other
// lines must go to beside.
func (e *ending) show(w io.Writer) (beside io.Writer, stop func()) {
	f, ok := w.(interface{ Fd() uintptr })
	if e.bounded == nil || !ok || !term.IsTerminal(int(f.Fd())) {
		return w, func() {}
	}
	progress, beside, stop := showProgress(w, "", "")
	e.bounded.Progress = func(done, total int64) {
		if total > 0 {
			progress(int(done), int(total))
		}
	}
	return beside, stop
}

// result tells how it ended.
func (e *ending) result(ctx context.Context, err error, sent, dead int64, dir string, stderr io.Writer) error {
	if e.bounded == nil {
		return err
	}
	if e.resend != nil && dead > 0 {
		printLines(stderr, "", fmt.Sprintf("dead letters of this resend: %d; deadletter list --dead-letter.dir %s shows them", dead, dir))
	}
	if e.resend != nil && sent == 0 && err == nil {
		printLines(stderr, "", "nothing was sent: the window holds no event, or it was sent already; --again sends it once more")
	}
	switch {
	case !errors.Is(err, app.ErrUnfinished):
		return err
	case errors.Is(context.Cause(ctx), errTimeout):
		err = fmt.Errorf("--timeout is over: %w", err)
	}
	return &exitError{code: exitUnfinished, err: err, hint: e.goOn()}
}

func (e *ending) goOn() string {
	if e.resend == nil {
		return ""
	}
	const form = "2006-01-02T15:04:05Z07:00"
	return fmt.Sprintf("give --from %s --to %s, without --again", e.resend.From.Format(form), e.resend.To.Format(form))
}
