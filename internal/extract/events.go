package extract

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// eventKinds maps names of events to what they say.
type eventKinds map[string]fact.Kind

func newEventKinds(cfg Events) (eventKinds, error) {
	kinds := eventKinds{}
	keys := map[string]string{}
	var errs []error
	for _, list := range []struct {
		key   string
		kind  fact.Kind
		names []string
	}{
		{"events::started", fact.Started, cfg.Started},
		{"events::ended", fact.Ended, cfg.Ended},
		{"events::authenticated", fact.Authenticated, cfg.Authenticated},
		{"events::ended_user", fact.EndedUser, cfg.EndedUser},
		{"events::activity", fact.Activity, cfg.Activity},
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
func (k eventKinds) find(name string) (fact.Kind, bool) {
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
func (w *walk) event(kind fact.Kind, r plog.LogRecord) {
	id := w.sessionID()
	var user fact.Name
	w.x.user(&w.record, w.b, &user)
	switch kind {
	case fact.EndedUser: // the session that it names, if any, is spared
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
	var previous fact.Name
	if kind == fact.Started {
		if previous = w.previous(id.raw); !previous.ID.IsZero() {
			kind = fact.Rotated
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
func (w *walk) previous(own string) fact.Name {
	if !w.record.has(slotPreviousID) {
		return fact.Name{}
	}
	raw, reason := w.x.hash.readID(w.record.values[slotPreviousID])
	switch reason {
	case usable:
		if raw != own {
			return fact.Name{ID: w.x.hash.session.id(raw), Raw: raw}
		}
	case SessionIDType, SessionIDSize: // something was there; the start remains
		w.b.Refused[reason]++
	}
	return fact.Name{}
}
