// Package resttest is a stand-in for the REST API of splunkd's management port:
// what saved searches, macros, apps and their permissions need. It takes only
// arguments that Splunk's .conf.spec files name, with the values that they
// document, and answers as splunkd does: everything with its default, in
// Splunk's own spelling, with its words for what is wrong.
package resttest

import (
	"encoding/json"
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
)

// The collections.
const (
	Searches = "saved/searches"
	Macros   = "configs/conf-macros"
)

// Options choose what the server is like. Its zero value serves plain HTTP,
// takes the token "good-token", and has no app.
type Options struct {
	TLS       bool
	Token     string // "" is good-token; - refuses every token
	User      string
	Password  string
	Apps      []string
	Free      bool     // the free licence
	Lacks     []string // capabilities that the user has not: schedule_search, write (on the app)
	SlashLink bool     // answer links with %252F in names, as splunkd does
}

// Server is a running stand-in.
type Server struct {
	opts  Options
	http  *httptest.Server
	known map[string]keyList // by collection

	mu       sync.Mutex
	apps     map[string]*app
	objects  map[address]*object
	sessions int
	log      []Request
	fault    func(*http.Request) *Fault
}

// Request is one that came, without its query.
type Request struct {
	Method, Path  string
	Form          url.Values
	Authorization string
}

// Fault is an answer in place of the server's.
type Fault struct {
	Status      int
	ContentType string // "" is JSON
	Body        string
	Header      http.Header
	Drop        bool // cut the connection
	Took        bool // do what was asked all the same
}

type app struct{ disabled bool }

type address struct{ collection, app, name string }

// object is one stanza: what the app's package brought, and what was written
// since.
type object struct {
	packaged, local map[string]string
	shipped         bool
	owner, sharing  string
	read, write     []string
}

func (o *object) value(key string) (string, bool) {
	if v, ok := o.local[key]; ok {
		return v, true
	}
	v, ok := o.packaged[key]
	return v, ok
}

// Start serves until the test ends.
func Start(tb testing.TB, opts Options) *Server {
	tb.Helper()
	s, err := Listen(opts)
	if err != nil {
		tb.Fatalf("start splunkd's stand-in: %v", err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Listen serves until Close.
func Listen(opts Options) (*Server, error) {
	searches, err := readKeys("savedsearches")
	if err != nil {
		return nil, err
	}
	macros, err := readKeys("macros")
	if err != nil {
		return nil, err
	}
	if opts.Token == "" {
		opts.Token = "good-token"
	}
	s := &Server{
		opts: opts, known: map[string]keyList{Searches: searches, Macros: macros},
		apps: map[string]*app{}, objects: map[address]*object{},
	}
	for _, name := range opts.Apps {
		s.apps[name] = &app{}
	}
	s.http = httptest.NewUnstartedServer(s)
	s.http.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError) // broken handshakes are the point of some tests
	if opts.TLS {
		s.http.StartTLS()
	} else {
		s.http.Start()
	}
	return s, nil
}

// Close ends the server.
func (s *Server) Close() { s.http.Close() }

// URL returns the address.
func (s *Server) URL() string { return s.http.URL }

// CAPEM returns the certificate that a client must trust.
func (s *Server) CAPEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.http.Certificate().Raw})
}

// SetFault lets fn answer in place of the server; nil goes on.
func (s *Server) SetFault(fn func(*http.Request) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = fn
}

// Requests returns what came since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := s.log
	s.log = nil
	return all
}

// Disable disables an app.
func (s *Server) Disable(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps[name].disabled = true
}

// Ship puts an object where an app's package brings it. Keys are those of the
// conf files.
func (s *Server) Ship(collection, app, name string, settings map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.at(collection, app, name)
	o.shipped = true
	for k, v := range settings {
		o.packaged[confKey(collection, k)] = v
	}
}

// Edit changes an object as a user does in Splunk Web, or makes it. Keys are
// those of the conf files or of REST.
func (s *Server) Edit(collection, app, name string, settings map[string]string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.at(collection, app, name)
	for k, v := range settings {
		o.set(collection, k, v)
	}
}

// Share changes in which apps an object is seen.
func (s *Server) Share(collection, app, name, sharing string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.at(collection, app, name).sharing = sharing
}

// at needs mu. It returns an object, and makes it if need be.
func (s *Server) at(collection, app, name string) *object {
	a := address{collection, app, name}
	if s.objects[a] == nil {
		s.objects[a] = &object{packaged: map[string]string{}, local: map[string]string{}, owner: "nobody", sharing: "app", read: []string{"*"}, write: []string{"admin"}}
	}
	return s.objects[a]
}

// Copy clones an object as Splunk Web does.
func (s *Server) Copy(collection, app, name, to string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	from, o := s.at(collection, app, name), s.at(collection, app, to)
	for _, layer := range []map[string]string{from.packaged, from.local} {
		for k, v := range layer {
			o.local[k] = v
		}
	}
}

// Get returns what an object says for a key of the conf files, and whether
// there is such an object.
func (s *Server) Get(collection, app, name, key string) (string, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.objects[address{collection, app, name}]
	if !ok {
		return "", false
	}
	key = confKey(collection, key)
	v, ok := o.value(key)
	if !ok && collection == Searches {
		v = defaults()[key]
	}
	return v, true
}

// ACL returns an object's permissions.
func (s *Server) ACL(collection, app, name string) (sharing, owner string, read, write []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o := s.at(collection, app, name)
	return o.sharing, o.owner, slices.Clone(o.read), slices.Clone(o.write)
}

// Names lists the objects of a collection.
func (s *Server) Names(collection, app string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var names []string
	for a := range s.objects {
		if a.collection == collection && a.app == app {
			names = append(names, a.name)
		}
	}
	slices.Sort(names)
	return names
}

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
