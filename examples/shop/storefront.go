package shop

import (
	"net/http"
)

// storefront is the service that people log in to. It has no faults.
type storefront struct {
	gate   *gate
	ledger string
	client *http.Client
}

func (s *storefront) routes(t *telemetry) http.Handler {
	mux := http.NewServeMux()
	t.handle(mux, "GET /healthz", http.HandlerFunc(ok))
	t.handle(mux, "GET /assets/{file}", http.HandlerFunc(ok))
	t.handle(mux, "GET /{$}", s.gate.open(ok))
	t.handle(mux, "POST /login", s.gate.door(s.login))
	t.handle(mux, "POST /logout", s.gate.door(s.logout))
	t.handle(mux, "GET /cart", s.gate.guard(strict{}, ok))
	t.handle(mux, "GET /quote", s.gate.guard(strict{}, s.quote))
	t.handle(mux, "POST /checkout", s.gate.guard(strict{}, s.checkout))
	t.handle(mux, "POST /renew", s.gate.guard(strict{}, s.renew))
	t.handle(mux, "POST /account/password", s.gate.guard(strict{}, s.password))
	return mux
}

// login takes everybody's word for who they are: this is an example of
// sessions, not of passwords.
func (s *storefront) login(w http.ResponseWriter, r *http.Request) {
	user := r.FormValue("user")
	if user == "" {
		http.Error(w, "who?", http.StatusBadRequest)
		return
	}
	reply(w, s.gate.login(r.Context(), user))
}

func (s *storefront) logout(w http.ResponseWriter, r *http.Request) {
	reply(w, s.gate.logout(r.Context()))
}

func (s *storefront) renew(w http.ResponseWriter, r *http.Request) {
	reply(w, s.gate.renew(r.Context()))
}

func (s *storefront) password(w http.ResponseWriter, r *http.Request) {
	reply(w, s.gate.clear(r.Context()))
}

// quote takes its time, for a request that is in flight at logout.
func (s *storefront) quote(w http.ResponseWriter, r *http.Request) {
	take(r)
	ok(w, r)
}

// checkout takes its time and then pays at the ledger, with the browser's
// session and within its trace.
func (s *storefront) checkout(w http.ResponseWriter, r *http.Request) {
	take(r)
	payment, err := http.NewRequestWithContext(r.Context(), http.MethodPost, s.ledger+"/payments", http.NoBody)
	if err != nil {
		reply(w, err)
		return
	}
	payment.AddCookie(&http.Cookie{Name: CookieName, Value: presented(r)})
	response, err := s.client.Do(payment)
	if err != nil {
		http.Error(w, "the ledger does not answer", http.StatusBadGateway)
		return
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		http.Error(w, "not paid", http.StatusConflict)
		return
	}
	ok(w, r)
}

func reply(w http.ResponseWriter, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
