package shop

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// The names of the services, as their telemetry has them.
const (
	Storefront = "storefront"
	Ledger     = "ledger"
)

// Shop is both services, running.
type Shop struct {
	// StorefrontURL and LedgerURL are where the services listen.
	StorefrontURL, LedgerURL string

	stop      context.CancelFunc
	servers   []*http.Server
	serving   sync.WaitGroup
	jobs      *jobs
	client    *http.Client
	telemetry []*telemetry
}

// Start starts both services. The context is for the start only.
func Start(ctx context.Context, cfg Config) (*Shop, error) {
	cfg = cfg.withDefaults()
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	var listen net.ListenConfig
	front, err := listen.Listen(ctx, "tcp", cfg.Storefront)
	if err != nil {
		return nil, fmt.Errorf("storefront: %w", err)
	}
	back, err := listen.Listen(ctx, "tcp", cfg.Ledger)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("ledger: %w", err), front.Close())
	}
	frontTelemetry, err := newTelemetry(ctx, cfg, Storefront)
	if err != nil {
		return nil, errors.Join(err, front.Close(), back.Close())
	}
	backTelemetry, err := newTelemetry(ctx, cfg, Ledger)
	if err != nil {
		return nil, errors.Join(err, front.Close(), back.Close(), frontTelemetry.shutdown(ctx))
	}

	running, stop := context.WithCancel(context.Background())
	s := &Shop{
		StorefrontURL: "http://" + front.Addr().String(),
		LedgerURL:     "http://" + back.Addr().String(),
		stop:          stop,
		client:        frontTelemetry.client(),
		telemetry:     []*telemetry{frontTelemetry, backTelemetry},
	}
	sessions := newStore()
	storefront := &storefront{
		gate:   newGate(cfg, sessions, frontTelemetry.events()),
		ledger: s.LedgerURL,
		client: s.client,
	}
	s.jobs = newJobs(running, cfg, sessions, backTelemetry.tracer())
	ledger := &ledger{
		cfg:    cfg,
		gate:   newGate(cfg, sessions, backTelemetry.events()),
		copies: newCopies(cfg, sessions),
		feed:   newFeed(cfg, sessions),
		jobs:   s.jobs,
	}
	s.serve(running, front, storefront.routes(frontTelemetry))
	s.serve(running, back, ledger.routes(backTelemetry))
	return s, nil
}

func (s *Shop) serve(running context.Context, l net.Listener, h http.Handler) {
	server := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		BaseContext:       func(net.Listener) context.Context { return running },
	}
	s.servers = append(s.servers, server)
	s.serving.Go(func() { _ = server.Serve(l) })
}

// Flush sends what telemetry is held back.
func (s *Shop) Flush(ctx context.Context) error {
	var errs []error
	for _, t := range s.telemetry {
		errs = append(errs, t.flush(ctx))
	}
	return errors.Join(errs...)
}

// Close stops the services and then their telemetry, which it sends first. What they
// have begun ends before, and what waits does not wait any longer.
func (s *Shop) Close(ctx context.Context) error {
	s.stop()
	var errs []error
	for _, server := range s.servers {
		errs = append(errs, server.Shutdown(ctx))
	}
	s.serving.Wait()
	s.jobs.wait()
	s.client.CloseIdleConnections()
	for _, t := range s.telemetry {
		errs = append(errs, t.shutdown(ctx))
	}
	return errors.Join(errs...)
}

func ok(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") }

// take makes a request last as long as its query asks for, up to 30s.
func take(r *http.Request) {
	d, _ := time.ParseDuration(r.URL.Query().Get("take"))
	pause(r.Context(), min(d, 30*time.Second))
}

// pause waits, and reports false when the context ends before that.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
