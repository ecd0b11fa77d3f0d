package shop

import (
	"context"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"go.opentelemetry.io/otel/trace"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

// CookieName is the cookie that carries the session id to both services.
const CookieName = "session"

const userKey = "user"

// gate is a service's session layer: it decides who is let in, names session
// and user on the request's span, and tells of starts, logins and ends.
type gate struct {
	manager *scs.SessionManager
	store   *store
	events  events
}

func newGate(cfg Config, s *store, e events) *gate {
	m := scs.New()
	m.Store = s
	m.IdleTimeout = cfg.Idle
	m.Lifetime = cfg.Lifetime
	m.Cookie.Name = CookieName
	return &gate{manager: m, store: s, events: e}
}

// open lets everybody in and gives a session to those who have none.
func (g *gate) open(next http.HandlerFunc) http.Handler {
	return g.manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		id := g.manager.Token(ctx)
		if id == "" {
			g.manager.Put(ctx, "since", time.Now().Unix())
			var err error
			if id, _, err = g.manager.Commit(ctx); err != nil {
				http.Error(w, "no session", http.StatusInternalServerError)
				return
			}
			g.events.started(ctx, id, "")
		}
		name(ctx, id, g.manager.GetString(ctx, userKey))
		next(w, r)
	}))
}

// door is for login and logout, which change who somebody is.
func (g *gate) door(next http.HandlerFunc) http.Handler {
	return g.manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if id := g.manager.Token(r.Context()); id != "" {
			name(r.Context(), id, g.manager.GetString(r.Context(), userKey))
		}
		next(w, r)
	}))
}

// guard lets in who is logged in, or whom the second opinion honours, and
// answers 401 to everybody else. The request counts as use of the session.
func (g *gate) guard(second opinion, next http.HandlerFunc) http.Handler {
	return g.manager.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		id, user := g.manager.Token(ctx), g.manager.GetString(ctx, userKey)
		if user != "" {
			second.saw(id, user, g.manager.Deadline(ctx))
		} else {
			id = presented(r)
			user = second.honours(id)
		}
		letIn(w, r, id, user, next)
	}))
}

// glance lets in who is logged in, and does not count as use of the session.
func (g *gate) glance(next http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, err := g.manager.Load(r.Context(), presented(r))
		if err != nil {
			http.Error(w, "no session", http.StatusInternalServerError)
			return
		}
		letIn(w, r, presented(r), g.manager.GetString(ctx, userKey), next)
	})
}

func letIn(w http.ResponseWriter, r *http.Request, id, user string, next http.HandlerFunc) {
	name(r.Context(), id, user)
	if user == "" {
		http.Error(w, "log in first", http.StatusUnauthorized)
		return
	}
	next(w, r)
}

// login begins a session for the user. It exchanges the id that the browser
// came with, and it starts both clocks, as RenewToken does.
func (g *gate) login(ctx context.Context, user string) error {
	id, previous, err := g.exchange(ctx)
	if err != nil {
		return err
	}
	g.manager.Put(ctx, userKey, user)
	if _, _, err := g.manager.Commit(ctx); err != nil {
		return err
	}
	name(ctx, id, user)
	g.events.started(ctx, id, previous)
	g.events.loggedIn(ctx, id, user)
	return nil
}

// renew exchanges the id and nothing more: the absolute limit stays where it
// was, which RenewToken on its own would move.
func (g *gate) renew(ctx context.Context) error {
	deadline := g.manager.Deadline(ctx)
	id, previous, err := g.exchange(ctx)
	if err != nil {
		return err
	}
	g.manager.SetDeadline(ctx, deadline)
	if _, _, err := g.manager.Commit(ctx); err != nil {
		return err
	}
	g.events.started(ctx, id, previous)
	return nil
}

func (g *gate) exchange(ctx context.Context) (id, previous string, err error) {
	previous = g.manager.Token(ctx)
	if previous != "" {
		g.store.retire(previous, rotated)
	}
	if err := g.manager.RenewToken(ctx); err != nil {
		return "", "", err
	}
	return g.manager.Token(ctx), previous, nil
}

func (g *gate) logout(ctx context.Context) error {
	id := g.manager.Token(ctx)
	if id == "" {
		return nil
	}
	if err := g.manager.Destroy(ctx); err != nil {
		return err
	}
	g.events.ended(ctx, id)
	return nil
}

// clear ends every session of the request's user but the request's own.
func (g *gate) clear(ctx context.Context) error {
	own, user := g.manager.Token(ctx), g.manager.GetString(ctx, userKey)
	err := g.manager.Iterate(ctx, func(other context.Context) error {
		id := g.manager.Token(other)
		if id == own || g.manager.GetString(other, userKey) != user {
			return nil
		}
		g.store.retire(id, cleared)
		return nil
	})
	if err != nil {
		return err
	}
	g.events.cleared(ctx, own, user)
	return nil
}

// presented is the id that the browser came with, dead or alive.
func presented(r *http.Request) string {
	c, err := r.Cookie(CookieName)
	if err != nil {
		return ""
	}
	return c.Value
}

// name puts session and user on the request's span and on its access log.
func name(ctx context.Context, id, user string) {
	span, visit := trace.SpanFromContext(ctx), visitFrom(ctx)
	if id != "" {
		span.SetAttributes(semconv.SessionID(id))
		visit.session = id
	}
	if user != "" {
		span.SetAttributes(semconv.UserID(user))
		visit.user = user
	}
}
