package extract

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/session"
)

// eventKinds maps names of events to what they say.
type eventKinds map[string]session.Kind

func newEventKinds(cfg Events) (eventKinds, error) {
	kinds := eventKinds{}
	keys := map[string]string{}
	var errs []error
	for _, list := range []struct {
		key   string
		kind  session.Kind
		names []string
	}{
		{"events::started", session.Started, cfg.Started},
		{"events::ended", session.Ended, cfg.Ended},
		{"events::authenticated", session.Authenticated, cfg.Authenticated},
		{"events::ended_user", session.EndedUser, cfg.EndedUser},
		{"events::activity", session.Activity, cfg.Activity},
	} {
		for i, name := range list.names {
			key := fmt.Sprintf("%s::%d", list.key, i)
			if name == "" {
				errs = append(errs, fmt.Errorf("%s: must not be empty (got %q)", key, name))
				continue
			}
			if other, ok := keys[name]; ok {
				errs = append(errs, fmt.Errorf("%s: one name says one thing, but it is under %s, too (got %q)", key, other, name))
				continue
			}
			keys[name], kinds[name] = key, list.kind
		}
	}
	return kinds, errors.Join(errs...)
}

// find says what the event name means. What follows a colon is an event's
// parameters (the OWASP vocabulary writes session_expired:user,reason) unless
// the whole name is listed.
func (k eventKinds) find(name string) (session.Kind, bool) {
	if name == "" || len(k) == 0 {
		return 0, false
	}
	kind, ok := k[name]
	if !ok {
		if i := strings.IndexByte(name, ':'); i > 0 {
			kind, ok = k[name[:i]]
		}
	}
	return kind, ok
}

// event appends what an event record of this kind says at this instant.
func (w *walk) event(kind session.Kind, r plog.LogRecord) {
	id := w.sessionID()
	var user session.Name
	w.x.user(&w.record, w.b, &user)
	switch kind {
	case session.EndedUser: // the session that it names, if any, is spared
		if user.ID.IsZero() {
			return
		}
	default:
		if id.reason == absent {
			return
		}
		if id.reason != usable {
			w.b.Refused[id.reason]++
			return
		}
	}
	at, reason := logTime(r)
	if reason != usable {
		w.b.Refused[reason]++
		return
	}
	var previous session.Name
	if kind == session.Started {
		if previous = w.previous(id.raw); !previous.ID.IsZero() {
			kind = session.Rotated
		}
	}
	w.hideIDs(id.raw)
	f := w.fact(kind)
	if id.reason == usable {
		w.identify(f, id)
	}
	f.Previous, f.User = previous, user
	f.Start, f.End, f.At = at, at, at
	if trace, span := r.TraceID(), r.SpanID(); !trace.IsEmpty() && !span.IsEmpty() {
		f.Trace, f.Span = trace, span
	}
}

// previous is the id that a start says it replaces: none if it is unusable, and
// none if it is the session's own.
func (w *walk) previous(own string) session.Name {
	if !w.record.has(slotPreviousID) {
		return session.Name{}
	}
	raw, reason := w.x.hash.readID(w.record.values[slotPreviousID])
	switch reason {
	case usable:
		if raw != own {
			return session.Name{ID: w.x.hash.session.id(raw), Raw: raw}
		}
	case SessionIDType, SessionIDSize: // something was there; the start remains
		w.b.Refused[reason]++
	}
	return session.Name{}
}
