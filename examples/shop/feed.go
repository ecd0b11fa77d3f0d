package shop

import (
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// feed is a stream of events to the browser, with messages the other way that
// belong to the stream and its trace.
type feed struct {
	cfg   Config
	store *store
	mu    struct {
		sync.Mutex
		open map[string]string // session id -> user
	}
}

func newFeed(cfg Config, s *store) *feed {
	f := &feed{cfg: cfg, store: s}
	f.mu.open = map[string]string{}
	return f
}

// stream stays open for as long as the browser listens and the session lives.
// Its first event is the traceparent that messages are to carry.
func (f *feed) stream(w http.ResponseWriter, r *http.Request) {
	ctx, visit := r.Context(), visitFrom(r.Context())
	trace.SpanFromContext(ctx).SetAttributes(
		attribute.StringSlice("http.response.header.content-type", []string{"text/event-stream"}))
	f.mu.Lock()
	f.mu.open[visit.session] = visit.user
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		delete(f.mu.open, visit.session)
	}()

	header := propagation.MapCarrier{}
	propagation.TraceContext{}.Inject(ctx, header)
	w.Header().Set("Content-Type", "text/event-stream")
	event := fmt.Sprintf("event: open\ndata: %s\n\n", header["traceparent"])
	for f.lives(visit.session) {
		if _, err := fmt.Fprint(w, event); err != nil {
			return
		}
		if err := http.NewResponseController(w).Flush(); err != nil {
			return
		}
		event = "event: tick\ndata: -\n\n"
		if !pause(ctx, 100*time.Millisecond) {
			return
		}
	}
}

func (f *feed) lives(id string) bool {
	return f.cfg.has(StreamOutlivesLogout) || f.store.found(id)
}

func (f *feed) message(w http.ResponseWriter, _ *http.Request) {
	w.WriteHeader(http.StatusAccepted)
}

func (f *feed) saw(string, string, time.Time) {}

// honours takes an open stream for a session, where the fault is on.
func (f *feed) honours(id string) string {
	if !f.cfg.has(StreamOutlivesLogout) {
		return ""
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mu.open[id]
}
