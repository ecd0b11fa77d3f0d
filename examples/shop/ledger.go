package shop

import (
	"net/http"
)

// ledger is the service behind the storefront that the browser calls, too, with
// the same cookie. All faults are its own.
type ledger struct {
	cfg    Config
	gate   *gate
	copies *copies
	feed   *feed
	jobs   *jobs
}

func (l *ledger) routes(t *telemetry) http.Handler {
	mux := http.NewServeMux()
	t.handle(mux, "GET /healthz", http.HandlerFunc(ok))
	t.handle(mux, "OPTIONS /orders", http.HandlerFunc(preflight))
	t.handle(mux, "GET /orders", l.gate.guard(l.copies, ok))
	t.handle(mux, "POST /payments", l.gate.guard(l.copies, ok))
	t.handle(mux, "GET /statement", l.gate.guard(l.copies, l.statement))
	t.handle(mux, "GET /notifications", l.notifications())
	t.handle(mux, "GET /feed", l.gate.guard(strict{}, l.feed.stream))
	t.handle(mux, "POST /feed/messages", l.gate.guard(l.feed, l.feed.message))
	t.handle(mux, "POST /exports", l.gate.guard(strict{}, l.jobs.enqueue))
	t.handle(mux, "GET /exports/{id}", http.HandlerFunc(l.jobs.status))
	return mux
}

// notifications is what the page asks for by itself, again and again.
func (l *ledger) notifications() http.Handler {
	if l.cfg.has(PollingKeepsAlive) {
		return l.gate.guard(strict{}, ok)
	}
	return l.gate.glance(ok)
}

// statement takes its time, for a request that is in flight at logout.
func (l *ledger) statement(w http.ResponseWriter, r *http.Request) {
	take(r)
	ok(w, r)
}

func preflight(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Access-Control-Allow-Methods", "GET")
	w.WriteHeader(http.StatusNoContent)
}
