package app_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"auditlog-forwarder/pkg/app"
)

// TestTryAlertsInput: how the text of the lines may be written.
func TestTryAlertsInput(t *testing.T) {
	t.Parallel()
	const event = `{"time":"2026-11-01T10:00:00Z","data":{"methodName":"DeleteKafkaCluster"}}` + "\r\n"
	var packed bytes.Buffer
	for range 2 { // as cat a.gz b.gz makes it
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(event)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	list := loadedAlerts(t)[:1]
	for _, tt := range []struct {
		name, in, err string
		events        int64
	}{
		{name: "nothing"},
		{name: "one byte", in: "\n"},
		{name: "blank lines", in: "\r\n\n" + event + "\n", events: 1},
		{name: "no line end", in: event + strings.TrimSpace(event), events: 2},
		{name: "mark of UTF-8", in: "\ufeff" + event, events: 1},
		{name: "gzip", in: packed.String(), events: 2},
		{name: "gzip, cut off", in: packed.String()[:packed.Len()-6], err: "read line 3 of the events: unexpected EOF"},
		{name: "gzip, only its start", in: packed.String()[:5], err: "unpack the events: unexpected EOF"},
		{name: "UTF-16", in: "\xff\xfe{\x00", err: "the events are text in UTF-16; write them as UTF-8, as iconv -f UTF-16 -t UTF-8 does"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r, err := app.TryAlerts(t.Context(), app.AlertTrialOptions{Alerts: list, Events: strings.NewReader(tt.in)})
			if text := errorText(err); text != tt.err || r.Events != tt.events || r.Unreadable != 0 {
				t.Errorf("%d events, %d unreadable, error %q; want %d, none, %q", r.Events, r.Unreadable, text, tt.events, tt.err)
			}
		})
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestTryAlertsStops: who waits for a pipe that says nothing can be stopped.
func TestTryAlertsStops(t *testing.T) {
	t.Parallel()
	silent, writer := io.Pipe()
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, _ = writer.Write([]byte("{}\n")) // it is being read
		cancel()
	}()
	_, err := app.TryAlerts(ctx, app.AlertTrialOptions{Alerts: loadedAlerts(t), Events: app.Stoppable(ctx, silent)})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was stopped", err)
	}
	if err := writer.Close(); err != nil { // ends the read
		t.Error(err)
	}
}
