package ops

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.uber.org/zap"
)

// Row is one line of the status page.
type Row struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Status is what the forwarder tells about itself, made anew for each page.
type Status struct {
	Version string
	Rows    []Row
}

// NewRegistry returns the registry of one forwarder, with the figures of the
// Go runtime and of the process in it.
func NewRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// Option changes a Server from its default.
type Option func(*Server)

// WithAlive makes /healthz answer 503 while alive returns false. Without it
// an answer is proof enough.
func WithAlive(alive func() bool) Option { return func(s *Server) { s.alive = alive } }

// Server is the admin HTTP server.
type Server struct {
	cfg     Config
	metrics prometheus.Gatherer
	health  *Health
	status  func() Status
	log     *zap.Logger
	alive   func() bool

	listener atomic.Pointer[net.Listener] // set by Listen, used up by Run
}

// New returns a server that serves nothing yet. status is called for each
// page, from several goroutines at once, and must not block.
func New(cfg Config, metrics prometheus.Gatherer, health *Health, status func() Status, log *zap.Logger, opts ...Option) *Server {
	s := &Server{
		cfg: cfg, metrics: metrics, health: health, status: status, log: log,
		alive: func() bool { return true },
	}
	for _, o := range opts {
		o(s)
	}
	return s
}

// Listen takes the address, so that a mistake there shows before any work
// begins. Run calls it if nobody has, and is what gives the address back.
// With an empty address it does nothing.
func (s *Server) Listen(ctx context.Context) error {
	if s.cfg.Listen == "" || s.listener.Load() != nil {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", s.cfg.Listen)
	if err != nil {
		return fmt.Errorf("admin.listen: %w; %s", err, listenHint(err))
	}
	s.listener.Store(&l)
	return nil
}

func listenHint(err error) string {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return "another process, perhaps a second forwarder, has that port: give each its own, or leave admin.listen empty for no admin server"
	case errors.Is(err, syscall.EACCES):
		return "this user may not take that port: give one above 1023"
	default:
		return "give an address of this machine, such as 127.0.0.1:9611, or leave it empty for no admin server"
	}
}

// Addr returns the address that is listened on, or "" before Listen.
func (s *Server) Addr() string {
	if l := s.listener.Load(); l != nil {
		return (*l).Addr().String()
	}
	return ""
}

// Run serves until ctx ends, then lets open requests finish for a moment.
// It may be called once.
func (s *Server) Run(ctx context.Context) error {
	if err := s.Listen(ctx); err != nil {
		return err
	}
	l := s.listener.Load()
	if l == nil {
		<-ctx.Done()
		return nil
	}
	errorLog, err := zap.NewStdLogAt(s.log, zap.WarnLevel)
	if err != nil {
		return fmt.Errorf("admin server: %w", err)
	}
	srv := &http.Server{
		Handler:           s.handler(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    16 << 10,
		ErrorLog:          errorLog,
	}
	served := make(chan error, 1) // gets one value, when Serve returns
	go func() { served <- srv.Serve(*l) }()
	s.log.Info("admin server listens", zap.String("address", s.Addr()))

	select {
	case err := <-served:
		return fmt.Errorf("admin server on %s: %w", s.Addr(), err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	err = srv.Shutdown(grace)
	if errors.Is(err, context.DeadlineExceeded) {
		err = srv.Close() // a client that does not read must not hold up the stop
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, end)
	}
	if err != nil {
		return fmt.Errorf("stop admin server: %w", err)
	}
	return nil
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(s.metrics, promhttp.HandlerOpts{
		ErrorLog:            promLog{s.log},
		ErrorHandling:       promhttp.ContinueOnError, // one bad metric must not hide the rest
		MaxRequestsInFlight: 4,
		EnableOpenMetrics:   true,
	}))
	mux.HandleFunc("GET /healthz", s.healthz)
	mux.HandleFunc("GET /readyz", s.readyz)
	mux.HandleFunc("GET /status", s.statusJSON)
	mux.HandleFunc("GET /{$}", s.page)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'")
		mux.ServeHTTP(w, r)
	})
}

// promLog passes promhttp's errors to zap.
type promLog struct{ log *zap.Logger }

// Println implements promhttp.Logger.
func (p promLog) Println(v ...any) { p.log.Warn("metrics: " + fmt.Sprint(v...)) }
