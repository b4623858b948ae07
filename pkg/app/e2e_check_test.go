package app_test

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"auditlog-forwarder/pkg/app"
	"auditlog-forwarder/pkg/faultnet"
	"auditlog-forwarder/pkg/hec/hectest"
	"auditlog-forwarder/pkg/kafka/kafkatest"
)

// TestEndToEndCheck: check finds what is wrong, says what to do, and changes
// nothing.
func TestEndToEndCheck(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about what people are told")
	}
	b := kafkatest.Shared(t)
	topic, group, adm := kafkatest.Name(t, "check"), kafkatest.Name(t, "g"), b.Admin(t)
	f := newFeeder(t, b, topic, 2)
	f.must(10)
	empty := kafkatest.Name(t, "empty")
	b.CreateTopic(t, empty, 1)
	hec := hectest.Start(t)
	good := local(t, b, hec, topic, group)
	nobody := faultnet.ClosedPort(t)

	for _, tc := range []struct {
		name   string
		change settings
		code   int
		reads  bool
		failed map[string]string // step and a part of its fix
	}{
		{"all good", nil, 0, true, nil},
		{"wrong token", settings{"hec.token": "00000000-0000-4000-8000-00000000dead"}, 4, true, map[string]string{"splunk token": "hec.token"}},
		{"no topic", settings{"kafka.topics": "no-such-topic"}, 4, false, map[string]string{"kafka topic": "check kafka.topics"}},
		{"no topic matches", settings{"kafka.topic_pattern": "no-such-.+"}, 4, false, map[string]string{"kafka topic": "check kafka.topic_pattern"}},
		{"nothing to read", settings{"kafka.topics": empty}, 0, false, nil},
		{"TLS to a plain port", settings{"kafka.security_protocol": "SSL"}, 4, false, map[string]string{"kafka certificate": "kafka.security_protocol", "kafka broker": "kafka.security_protocol"}},
		{"no CA file", settings{"kafka.security_protocol": "SSL", "kafka.tls.ca_file": "no-such.pem"}, 4, false, map[string]string{"kafka certificate": "check the path"}},
		{"bad configuration", settings{"batch.window": "0"}, 3, false, map[string]string{"configuration": "1"}},
		{"broker down", settings{"kafka.bootstrap_servers": nobody}, 4, false, map[string]string{"kafka broker": "check kafka.bootstrap_servers"}},
		{"splunk down", settings{"hec.url": "http://" + nobody}, 4, true, map[string]string{"splunk health": "check hec.url"}},
		{"dead-letter folder", settings{"dead_letter.dir": "/dev/null/x"}, 4, true, map[string]string{"dead-letter folder": "dead_letter.dir"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			set := good.with(tc.change)
			if _, own := tc.change["dead_letter.dir"]; !own {
				set["dead_letter.dir"] = t.TempDir() // at the same time as the others
			}
			out, errs, code := command(t, set, "check", "-o", "json")
			var steps []app.Step
			if err := json.Unmarshal([]byte(out), &steps); err != nil {
				t.Fatalf("not JSON: %v\n%s%s", err, out, errs)
			}
			if code != tc.code || len(steps) < 9 {
				t.Errorf("exit code %d and %d steps, want %d\n%s%s", code, len(steps), tc.code, out, errs)
			}
			failed := 0
			for _, s := range steps {
				if s.OK != (s.Status != app.StatusFailed) || s.Found == "" {
					t.Errorf("incomplete: %+v", s)
				}
				if s.Name == "kafka read" && (s.Status == app.StatusOK) != tc.reads {
					t.Errorf("%+v, want it tried: %t", s, tc.reads)
				}
				if s.OK {
					continue
				}
				failed++
				fix, expected := tc.failed[s.Name]
				if !expected || !strings.Contains(s.Fix, fix) || s.Found == "" {
					t.Errorf("step %q failed with %q, fix %q; expected %v with a fix like %q", s.Name, s.Found, s.Fix, expected, fix)
				}
			}
			if failed != len(tc.failed) {
				t.Errorf("%d steps failed, want %d\n%s", failed, len(tc.failed), out)
			}
			table, _, code := command(t, set, "check")
			if code != tc.code || strings.Count(table, "fix:") != len(tc.failed) || strings.Count(table, "FAILED") != len(tc.failed) {
				t.Errorf("exit code %d, want %d with %d failures and fixes:\n%s", code, tc.code, len(tc.failed), table)
			}
			if strings.Contains(out+table+errs, set["hec.token"]) {
				t.Error("the token is printed")
			}
		})
	}
	t.Cleanup(func() {
		if n := hec.Len(); n != 0 {
			t.Errorf("check has indexed %d events", n)
		}
		ctx := context.WithoutCancel(t.Context())
		groups, err := adm.ListGroups(ctx)
		if err != nil || slices.Contains(groups.Groups(), group) {
			t.Errorf("check has made the group %s (%v)", group, err)
		}
	})
}

// TestEndToEndExitCodes: how the process ends.
func TestEndToEndExitCodes(t *testing.T) {
	if testing.Short() {
		t.Skip("it is about what people are told")
	}
	b := kafkatest.Shared(t)

	t.Run("bad configuration", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		set := local(t, b, hec, "topic", "group").with(settings{"batch.window": "0", "kafka.session_timeout": "1s"})
		_, errs, code := command(t, set, "run")
		if code != 3 || !strings.Contains(errs, "batch.window") || !strings.Contains(errs, "kafka.session_timeout") {
			t.Errorf("exit code %d, want 3 and both keys:\n%s", code, errs)
		}
	})

	t.Run("SIGINT", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		topic := kafkatest.Name(t, "exit")
		f := newFeeder(t, b, topic, 1)
		f.must(10)
		p := start(t, "forwarder", local(t, b, hec, topic, kafkatest.Name(t, "g")))
		if err := hec.Wait(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		p.signal(syscall.SIGINT)
		if code := p.wait(); code != 0 {
			t.Errorf("exit code %d, want 0", code)
		}
	})

	// Splunk does not answer and the drain is long: the second signal ends it,
	// and what was not settled is read again.
	t.Run("a second signal", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		topic, group := kafkatest.Name(t, "exit"), kafkatest.Name(t, "g")
		f := newFeeder(t, b, topic, 1)
		f.must(10)
		posts := answerPosts(hec, hectest.Hang())
		set := local(t, b, hec, topic, group).with(settings{"batch.drain": "10m", "hec.timeout": "10m", "kafka.session_timeout": "6s"})
		p := start(t, "forwarder", set)
		eventually(t, "a post", func() string {
			if posts.Load() == 0 {
				return "none has come"
			}
			return ""
		})
		p.signal(syscall.SIGTERM)
		p.line("stopping")
		<-time.After(time.Second) // two that come together count as one
		p.signal(syscall.SIGTERM)
		if code := p.wait(); code != 130 {
			t.Errorf("exit code %d, want 130", code)
		}
		hec.SetFault(nil)
		p = start(t, "forwarder again", set)
		if err := hec.Wait(t.Context(), 10); err != nil {
			t.Fatal(err)
		}
		p.stop()
	})

	t.Run("the same dead-letter folder", func(t *testing.T) {
		t.Parallel()
		hec := hectest.Start(t)
		topic := kafkatest.Name(t, "exit")
		newFeeder(t, b, topic, 1)
		set := local(t, b, hec, topic, kafkatest.Name(t, "g"))
		p := start(t, "forwarder", set)
		_, errs, code := command(t, set.with(settings{"admin.listen": "127.0.0.1:0"}), "run")
		if code != 1 || !strings.Contains(errs, "dead_letter.dir of its own") {
			t.Errorf("exit code %d, want 1 and what to do:\n%s", code, errs)
		}
		p.stop()
	})
}
