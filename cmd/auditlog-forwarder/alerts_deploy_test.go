package main

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"auditlog-forwarder/pkg/alerts/deploy"
	"auditlog-forwarder/pkg/alerts/deploy/resttest"
)

// TestAlertsDeploy runs testdata/deploy/*.txtar, each against a Splunk of its own.
func TestAlertsDeploy(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("each command is a process of its own; make test runs them")
	}
	const app = "confluent_audit_alerts"
	splunk := func(ts *testscript.TestScript) *resttest.Server { return ts.Value("splunk").(*resttest.Server) }
	testscript.Run(t, testscript.Params{
		Dir: "testdata/deploy", RequireExplicitExec: true, RequireUniqueNames: true,
		Setup: func(env *testscript.Env) error {
			s, err := resttest.Listen(resttest.Options{TLS: true, Apps: []string{app}, Token: "a-token-of-splunk"})
			if err != nil {
				return err
			}
			env.Defer(s.Close)
			env.Values["splunk"] = s
			const prefix = "AUDITLOG_FORWARDER_ALERTS_SPLUNK_"
			env.Setenv(prefix+"URL", s.URL())
			env.Setenv(prefix+"TOKEN", "a-token-of-splunk")
			env.Setenv(prefix+"TLS_CA_FILE", "ca.pem")
			env.Setenv("CA", string(s.CAPEM()))
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits,
			// edit KIND NAME KEY=VALUE... changes an object as a user does.
			"edit": func(ts *testscript.TestScript, _ bool, args []string) {
				set := map[string]string{}
				for _, pair := range args[2:] {
					key, value, _ := strings.Cut(pair, "=")
					set[key] = value
				}
				splunk(ts).Edit(args[0], app, args[1], set)
			},
			// has KIND NAME KEY VALUE looks at an object.
			"has": func(ts *testscript.TestScript, neg bool, args []string) {
				got, there := splunk(ts).Get(args[0], app, args[1], args[2])
				if (there && got == args[3]) == neg {
					ts.Fatalf("%s of %q is %q (there: %t)", args[2], args[1], got, there)
				}
			},
			"ca": func(ts *testscript.TestScript, _ bool, _ []string) {
				ts.Check(writeNew(ts.MkAbs("ca.pem"), splunk(ts).CAPEM(), 0o600, false))
			},
		},
	})
}

// TestInterruptedQuestion holds that one interrupt is enough while apply waits
// for an answer.
func TestInterruptedQuestion(t *testing.T) {
	t.Parallel()
	in, silent := io.Pipe()
	defer func() { _ = silent.Close() }() // ends what still reads
	ctx, cancel := context.WithCancel(t.Context())
	asked := writerFunc(func(p []byte) (int, error) {
		cancel()
		return len(p), nil
	})
	if a := newAsker(ctx, in, asked); a.agrees(deploy.Plan{}) {
		t.Error("an interrupt is taken for a yes")
	}
}

type writerFunc func(p []byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func TestPlanPrinter(t *testing.T) {
	t.Parallel()
	plan := deploy.Plan{URL: "https://splunk:8089", App: "a", Owner: "nobody", Items: []deploy.Item{
		{Kind: deploy.KindSearch, Name: "changed", Action: deploy.Change, Changes: []deploy.Edit{
			{Key: "cron_schedule", Old: "", New: "1 * * * *"},
			{Key: "search", Old: "a\nb\nc\nd\ne\nf", New: "a\nb\nc\nd\ne\nF"},
		}},
		{Kind: deploy.KindSearch, Name: "same", Action: deploy.Same},
		{Kind: deploy.KindSearch, Name: "kept", Action: deploy.Same, Kept: []deploy.KeptEdit{{Key: "disabled", Kept: "0", Catalogue: "1"}}},
		{Kind: deploy.KindSearch, Name: "theirs", Action: deploy.Foreign, Reason: "why"},
	}}
	for _, tt := range []struct {
		colours bool
		want    string
	}{
		{false, `https://splunk:8089, app a, owner nobody
~ change  alert  changed
    cron_schedule: nothing -> 1 * * * *
    search:
      ...
       d
       e
      -f
      +F
= same    alert  kept
    kept disabled: 0 (the catalogue has 1)
! foreign alert  theirs
    why
1 to change, 2 the same, 1 not ours, 1 with changes of users that are kept
`},
		{true, "https://splunk:8089, app a, owner nobody\n\x1b[33m~ change  alert  changed\x1b[0m\n    cron_schedule: nothing -> 1 * * * *\n    search:\n      ...\n       d\n       e\n" +
			"\x1b[31m      -f\x1b[0m\n\x1b[32m      +F\x1b[0m\n= same    alert  kept\n    kept disabled: 0 (the catalogue has 1)\n\x1b[35m! foreign alert  theirs\x1b[0m\n    why\n" +
			"1 to change, 2 the same, 1 not ours, 1 with changes of users that are kept\n"},
	} {
		var out bytes.Buffer
		if coloured(&out) {
			t.Error("a buffer is no terminal")
		}
		p := &planPrinter{w: &out, colours: tt.colours}
		if p.plan(plan, false); p.err != nil || out.String() != tt.want {
			t.Errorf("error %v, colours %t:\n%q\nwant\n%q", p.err, tt.colours, out.String(), tt.want)
		}
	}
}
