package resttest

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
)

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		say(w, http.StatusBadRequest, "ERROR", "Cannot parse the form")
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.log = append(s.log, Request{Method: r.Method, Path: r.URL.EscapedPath(), Form: r.PostForm, Authorization: r.Header.Get("Authorization")})
	if s.fault != nil {
		if f := s.fault(r); f != nil {
			if f.Took {
				s.route(httptest.NewRecorder(), r)
			}
			f.write(w)
			return
		}
	}
	s.route(w, r)
}

func (f *Fault) write(w http.ResponseWriter) {
	if f.Drop {
		if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
			_ = conn.Close() // that it is cut is what was asked for
		}
		return
	}
	for k, v := range f.Header {
		w.Header()[k] = v
	}
	kind := f.ContentType
	if kind == "" {
		kind = "application/json; charset=UTF-8"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(f.Status)
	_, _ = w.Write([]byte(f.Body)) // the client may have gone
}

// route needs mu.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	var parts []string
	for part := range strings.SplitSeq(strings.Trim(r.URL.EscapedPath(), "/"), "/") {
		text, err := url.PathUnescape(part)
		if err != nil {
			say(w, http.StatusBadRequest, "ERROR", "Bad Request")
			return
		}
		parts = append(parts, text)
	}
	if r.Method == http.MethodPost && !strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded") {
		say(w, http.StatusUnsupportedMediaType, "ERROR", "Unsupported media type")
		return
	}
	if slices.Equal(parts, []string{"services", "auth", "login"}) {
		s.login(w, r)
		return
	}
	if !s.allowed(w, r) {
		return
	}
	switch {
	case slices.Equal(parts, []string{"services", "server", "info"}):
		answer(w, http.StatusOK, entries{{Name: "server-info", Content: map[string]any{"version": "10.2.3", "isFree": s.opts.Free, "isTrial": false, "product_type": "enterprise"}}})
	case len(parts) >= 3 && parts[0] == "services" && parts[1] == "apps" && parts[2] == "local":
		s.local(w, r, parts[3:])
	case len(parts) >= 5 && parts[0] == "servicesNS" && s.known[parts[3]+"/"+parts[4]] != nil:
		s.collection(w, r, parts[1], parts[2], parts[3]+"/"+parts[4], parts[5:])
	default:
		say(w, http.StatusNotFound, "ERROR", "Not Found")
	}
}

func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if s.opts.User == "" || r.PostForm.Get("username") != s.opts.User || r.PostForm.Get("password") != s.opts.Password {
		say(w, http.StatusUnauthorized, "WARN", "Login failed")
		return
	}
	s.sessions++
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	_ = json.NewEncoder(w).Encode(map[string]string{"sessionKey": s.session(), "message": "", "code": ""}) // the client may have gone
}

func (s *Server) session() string { return "session-key-of-" + s.opts.User }

// allowed checks who asks. splunkd words the two ways to fail differently.
func (s *Server) allowed(w http.ResponseWriter, r *http.Request) bool {
	scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch scheme {
	case "Bearer":
		if secret == s.opts.Token && s.opts.Token != "-" {
			return true
		}
	case "Splunk":
		if s.sessions > 0 && secret == s.session() {
			return true
		}
	default:
		say(w, http.StatusUnauthorized, "ERROR", "Unauthorized")
		return false
	}
	say(w, http.StatusUnauthorized, "WARN", "call not properly authenticated")
	return false
}

// local serves apps/local.
func (s *Server) local(w http.ResponseWriter, r *http.Request, rest []string) {
	switch {
	case r.Method == http.MethodPost && len(rest) == 0:
		name := r.PostForm.Get("name")
		for key := range r.PostForm {
			if !slices.Contains([]string{"name", "label", "visible", "template", "author", "description", "version", "configured", "explicit_appname", "filename", "update", "auth", "session"}, key) {
				unsupported(w, key)
				return
			}
		}
		switch {
		case slices.Contains(s.opts.Lacks, "edit_local_apps"):
			say(w, http.StatusForbidden, "ERROR", "You (user=someone) do not have permission to perform this operation (requires capability: edit_local_apps).")
		case name == "":
			say(w, http.StatusBadRequest, "ERROR", "The following required arguments are missing: name.")
		case s.apps[name] != nil:
			say(w, http.StatusConflict, "ERROR", "App '"+name+"' already exists.")
		default:
			s.apps[name] = &app{}
			answer(w, http.StatusCreated, entries{{Name: name, Content: map[string]any{"disabled": false}}})
		}
	case r.Method == http.MethodGet && len(rest) == 1:
		if s.apps[rest[0]] == nil {
			say(w, http.StatusNotFound, "ERROR", "Could not find object id="+rest[0])
			return
		}
		answer(w, http.StatusOK, entries{{Name: rest[0], Content: map[string]any{"disabled": s.apps[rest[0]].disabled, "label": rest[0]}}})
	default:
		say(w, http.StatusMethodNotAllowed, "ERROR", "Method Not Allowed")
	}
}
