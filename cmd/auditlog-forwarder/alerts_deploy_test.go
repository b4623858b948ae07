package main

import (
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"auditlog-forwarder/pkg/alerts/deploy/resttest"
)

// TestAlertsDeploy runs testdata/deploy/*.txtar, each against a Splunk of its own.
func TestAlertsDeploy(t *testing.T) {
	t.Parallel()
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
