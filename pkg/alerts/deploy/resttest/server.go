// Package resttest is a stand-in for the REST API of splunkd's management port:
// what saved searches, macros, apps and their permissions need. It takes only
// arguments that Splunk's .conf.spec files name, with the values that they
// document, and answers as splunkd does: everything with its default, in
// Splunk's own spelling, with its words for what is wrong.
package resttest

import (
	"encoding/pem"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
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
