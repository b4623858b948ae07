package ops

import (
	"bytes"
	_ "embed" // for the page
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net/http"
	"time"

	"go.uber.org/zap"
)

//go:embed page.html
var pageSource string

// healthz tells whether the process is worth keeping alive. A forwarder that
// waits for Splunk is: a restart would not help it.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) {
	if !s.alive() {
		s.text(w, http.StatusServiceUnavailable, "stuck: no progress; see the status page and the log, then restart\n")
		return
	}
	s.text(w, http.StatusOK, "ok\n")
}

// readyz tells whether events flow, and if not, why and since when.
func (s *Server) readyz(w http.ResponseWriter, _ *http.Request) {
	ready, open := s.health.Ready()
	if ready {
		s.text(w, http.StatusOK, "ready\n")
		return
	}
	var b bytes.Buffer
	for _, c := range open {
		fmt.Fprintf(&b, "%s: %s (since %s, %s)\n", c.Name, c.Reason, c.Since.UTC().Format(time.RFC3339), age(c.Since))
	}
	s.text(w, http.StatusServiceUnavailable, b.String())
}

// report is the status page's content.
type report struct {
	Ready      bool        `json:"ready"`
	Alive      bool        `json:"alive"`
	Version    string      `json:"version"`
	Time       time.Time   `json:"time"`
	Conditions []Condition `json:"conditions"`
	Rows       []Row       `json:"rows"`
}

func (s *Server) report() report {
	r := report{Ready: true, Alive: s.alive(), Time: time.Now().UTC(), Conditions: s.health.Conditions(), Rows: []Row{}}
	for i, c := range r.Conditions {
		r.Ready = r.Ready && c.Ready
		r.Conditions[i].Since = c.Since.UTC()
	}
	if s.status != nil {
		st := s.status()
		r.Version = st.Version
		r.Rows = append(r.Rows, st.Rows...)
	}
	return r
}

func (s *Server) statusJSON(w http.ResponseWriter, _ *http.Request) {
	body, err := json.MarshalIndent(s.report(), "", "  ")
	if err != nil {
		s.broken(w, err)
		return
	}
	s.write(w, http.StatusOK, "application/json", append(body, '\n'))
}

func (s *Server) page(w http.ResponseWriter, _ *http.Request) {
	t, err := template.New("page").Funcs(template.FuncMap{"age": age}).Parse(pageSource)
	if err != nil {
		s.broken(w, err)
		return
	}
	// Into memory first: half a page with status 200 would mislead.
	var b bytes.Buffer
	if err := t.Execute(&b, s.report()); err != nil {
		s.broken(w, err)
		return
	}
	s.write(w, http.StatusOK, "text/html; charset=utf-8", b.Bytes())
}

func (s *Server) broken(w http.ResponseWriter, err error) {
	s.log.Error("status page", zap.Error(err))
	s.text(w, http.StatusInternalServerError, "status page: "+err.Error()+"\n")
}

func (s *Server) text(w http.ResponseWriter, code int, body string) {
	s.write(w, code, "text/plain; charset=utf-8", []byte(body))
}

func (s *Server) write(w http.ResponseWriter, code int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.WriteHeader(code)
	if _, err := io.Copy(w, bytes.NewReader(body)); err != nil {
		s.log.Debug("a client of the admin server went away", zap.Error(err))
	}
}

// age says how long ago t was, to the second.
func age(t time.Time) string { return time.Since(t).Round(time.Second).String() }
