package extract

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// events are what says that something happened to a session.
type events struct {
	byName    map[string][]event // of one name in the order in which they are asked
	byRequest []event
}

// event is an [Event] as it is asked.
type event struct {
	kind       fact.Kind
	conditions []condition
	rule       rule        // of one by request
	session    *sourceList // nil: as of every record
	user       *sourceList
}

// mostRequestEvents have a bit each.
const mostRequestEvents = 64

// newEvents reads what cfg lists, in the order in which kinds hold of one name.
func newEvents(cfg *Events, keys *keyTable, r *sourceReader, users sourceList, add func(*rule)) (events, error) {
	e := events{byName: map[string][]event{}}
	unconditional := map[string]string{}
	var errs []error
	for _, list := range []struct {
		key     string
		kind    fact.Kind
		entries []Event
	}{
		{"events::authenticated", fact.Authenticated, cfg.Authenticated},
		{"events::started", fact.Started, cfg.Started},
		{"events::ended", fact.Ended, cfg.Ended},
		{"events::ended_user", fact.EndedUser, cfg.EndedUser},
		{"events::activity", fact.Activity, cfg.Activity},
	} {
		for i := range list.entries {
			key, entry := fmt.Sprintf("%s::%d", list.key, i), &list.entries[i]
			if (entry.Name == "") == (entry.Request == nil) {
				errs = append(errs, fmt.Errorf("%s: must have either a name or a request (got name %q)", key, entry.Name))
				continue
			}
			if other, ok := unconditional[entry.Name]; ok && entry.Name != "" {
				errs = append(errs, fmt.Errorf("%s: one name says one thing, but it is under %s, too (got %q)", key, other, entry.Name))
				continue
			}
			x, err := newEvent(key, list.kind, entry, keys, r)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			if entry.Request != nil {
				if err := x.checkIdentity(key, &users); err != nil {
					errs = append(errs, err)
				}
				e.byRequest = append(e.byRequest, x)
				add(&x.rule)
				continue
			}
			if len(entry.Match) == 0 {
				unconditional[entry.Name] = key
			}
			e.byName[entry.Name] = append(e.byName[entry.Name], x)
		}
	}
	if n := len(e.byRequest); n > mostRequestEvents {
		errs = append(errs, fmt.Errorf("events: must have no more than %d requests (got %d)", mostRequestEvents, n))
	}
	return e, errors.Join(errs...)
}

func newEvent(key string, kind fact.Kind, cfg *Event, keys *keyTable, r *sourceReader) (e event, err error) {
	e.kind = kind
	var errs []error
	if cfg.Request != nil {
		if e.rule, err = newRule(key+"::request", cfg.Request, keys); err != nil {
			errs = append(errs, err)
		}
	}
	if e.conditions, err = newConditions(key+"::match", cfg.Match, keys); err != nil {
		errs = append(errs, err)
	}
	if cfg.Request != nil {
		e.rule.conditions, e.conditions = append(e.rule.conditions, e.conditions...), nil
	}
	if len(cfg.Session) > 0 {
		l := r.list(key+"::session", cfg.Session, fact.Presented, "")
		e.session = &l
	}
	if len(cfg.User) > 0 {
		trusted := ""
		if kind == fact.EndedUser {
			trusted = "must not be what the client presented, which is no user whose sessions could end"
		}
		l := r.list(key+"::user", cfg.User, fact.UserPresented, trusted)
		e.user = &l
	}
	return e, errors.Join(errs...)
}

// checkIdentity returns an error if a request can never say the event, since none of
// the sources of users, its own or those of every record, is of an identity.
func (e *event) checkIdentity(key string, users *sourceList) error {
	if e.user != nil {
		key, users = key+"::user", e.user
	}
	identity := slices.ContainsFunc(users.sources, func(s source) bool { return !s.flags.Has(fact.UserPresented) })
	if e.kind == fact.Ended || e.kind == fact.Activity || identity {
		return nil
	}
	return fmt.Errorf("%s: must have a user from a source that is not presented and no claim, since a request says this only of somebody whom the service names: user: [user.id] (got %d sources, and none)", key, len(users.sources))
}

// find is the event of this name that the current record is. What follows a colon
// is an event's parameters (the OWASP vocabulary writes session_expired:user,reason)
// unless the whole name is listed.
func (e *events) find(w *walk, name string) *event {
	if x := w.fittingOf(e.byName[name]); x != nil {
		return x
	}
	if i := strings.IndexByte(name, ':'); i > 0 {
		return w.fittingOf(e.byName[name[:i]])
	}
	return nil
}

// fittingOf is the first whose attributes the current record has.
func (w *walk) fittingOf(list []event) *event {
	for i := range list {
		if matchAll(list[i].conditions, []*found{&w.record, &w.scope, &w.resource}) {
			return &list[i]
		}
	}
	return nil
}

// saying is when something was said, and where.
type saying struct {
	at     int64
	trace  [16]byte
	span   [8]byte
	reason Reason // why the time is none; else usable
}

// event appends what an event record says at its instant.
func (w *walk) event(e *event, r plog.LogRecord) {
	var s saying
	s.at, s.reason = logTime(r)
	if trace, span := r.TraceID(), r.SpanID(); !trace.IsEmpty() && !span.IsEmpty() {
		s.trace, s.span = trace, span
	}
	var id, user whom
	w.sessionOf(e, &id)
	w.userOf(e, &user)
	if f := w.say(e, &id, &user, &s); f != nil {
		f.Flags &^= fact.Presented // what the service reports it has looked at
	}
}

// sessionOf is whose event it is: by its own sources, where it has some.
func (w *walk) sessionOf(e *event, id *whom) {
	if e.session != nil {
		w.named(id, e.session, &w.x.sessionRules)
		return
	}
	w.sessionID(id)
}

func (w *walk) userOf(e *event, user *whom) {
	if e.user != nil {
		w.named(user, e.user, &w.x.userRules)
		return
	}
	w.user(user)
}

// requestEvents appends what a request says at its end, if it succeeded.
func (w *walk) requestEvents(q *request, class requestClass, own *whom) {
	x, r := w.x, &w.record
	status := httpStatus(r)
	if class.has(isRejected) || class.has(isIndeterminate) || !x.succeeded(r, status) {
		return
	}
	for i := range x.events.byRequest {
		if w.fitting>>i&1 == 0 {
			continue
		}
		e := &x.events.byRequest[i]
		id, user := *own, whom{}
		w.userOf(e, &user)
		if e.kind == fact.Authenticated || e.kind == fact.Started {
			if user.reason != usable || user.flags.Has(fact.UserPresented) || x.isLoginRedirect(r, status) {
				continue
			}
		}
		if e.session != nil {
			w.sessionOf(e, &id)
		}
		if id.reason != usable {
			continue
		}
		if f := w.say(e, &id, &user, &saying{at: q.end, trace: q.trace, span: q.span, reason: usable}); f != nil {
			f.Flags |= fact.FromRequest
			f.Policy = firstOf(x.policies.fitting(&w.policies, r))
		}
		return // of several kinds the first holds
	}
}

// say appends what an event says of a session, or of all sessions of a user.
func (w *walk) say(e *event, id, user *whom, s *saying) *fact.Fact {
	shown := user.reason == usable && !user.flags.Has(fact.UserPresented)
	switch e.kind {
	case fact.EndedUser: // the session that it names, if any, is spared
		if !shown {
			return nil
		}
	default:
		if id.reason == absent {
			return nil
		}
		if id.reason != usable {
			w.b.refuse(id.reason)
			return nil
		}
	}
	if s.reason != usable {
		w.b.refuse(s.reason)
		return nil
	}
	kind, previous, linked := e.kind, fact.Name{}, w.linked(id.raw)
	if kind == fact.Started {
		if previous = w.previous(id.raw); !previous.ID.IsZero() {
			kind = fact.Rotated
		}
	}
	w.hideIDs(id, user, linked.Raw)
	f := w.fact(kind)
	if id.reason == usable {
		if e.session == nil {
			w.identify(f, id)
		} else {
			f.Session = w.x.sessionName(id.raw)
		}
		f.Flags = id.flags
	}
	if user.reason == usable {
		w.x.identifyUser(f, user)
	}
	f.Previous, f.Linked = w.b.name(previous), w.b.name(linked)
	f.Start, f.End, f.At = s.at, s.at, s.at
	f.Trace, f.Span = s.trace, s.span
	return f
}

// previous is the id that a start says it replaces: none if it is unusable, and
// none if it is the session's own.
func (w *walk) previous(own string) fact.Name {
	var n whom
	w.named(&n, &w.x.previous, &w.x.sessionRules)
	switch n.reason {
	case usable:
		if n.raw != own {
			return w.x.sessionName(n.raw)
		}
	case SessionIDType, SessionIDSize, SessionIDEncoding, SessionIDToken: // something was there; the start remains
		w.b.refuse(n.reason)
	}
	return fact.Name{}
}
