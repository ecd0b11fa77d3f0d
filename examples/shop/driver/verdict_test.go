package driver

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/examples/shop/sink"
)

// history is all that the shop's telemetry says, for a verdict that is read off
// it line by line: who was served, when, and when the session was dead. It is
// written for these stories and no others.
type history struct {
	limits   Limits
	requests []served
	logins   map[string][]time.Time // by session id, as everything below
	previous map[string]string
	rotated  map[string]time.Time
	ended    map[string]time.Time
	clears   []clearing
}

type served struct {
	session, user, service, trace string
	start, end                    time.Time
	answered                      bool // by success, as opposed to 401 and to failure
	refused, passive, job, stream bool
}

type clearing struct {
	user, by string
	at       time.Time
}

// exempt paths are no evidence of anything.
var exempt = []string{"/login", "/logout", "/healthz"}

func read(s *sink.Sink, l Limits) *history {
	h := &history{
		limits: l, logins: map[string][]time.Time{}, previous: map[string]string{},
		rotated: map[string]time.Time{}, ended: map[string]time.Time{},
	}
	for _, td := range s.Traces() {
		for _, rs := range td.ResourceSpans().All() {
			for _, ss := range rs.ScopeSpans().All() {
				for _, span := range ss.Spans().All() {
					h.readSpan(text(rs.Resource().Attributes(), "service.name"), span)
				}
			}
		}
	}
	for _, ld := range s.Logs() {
		for _, rl := range ld.ResourceLogs().All() {
			for _, sl := range rl.ScopeLogs().All() {
				for _, r := range sl.LogRecords().All() {
					h.readEvent(r.EventName(), r.Timestamp().AsTime(), r.Attributes())
				}
			}
		}
	}
	return h
}

func (h *history) readSpan(service string, span ptrace.Span) {
	a := span.Attributes()
	path := text(a, "url.path")
	server, job := span.Kind() == ptrace.SpanKindServer, span.Kind() == ptrace.SpanKindConsumer
	if text(a, "session.id") == "" || !server && !job || slices.Contains(exempt, path) {
		return
	}
	status := text(a, "http.response.status_code")
	h.requests = append(h.requests, served{
		session: text(a, "session.id"), user: text(a, "user.id"), service: service, trace: span.TraceID().String(),
		start: span.StartTimestamp().AsTime(), end: span.EndTimestamp().AsTime(),
		answered: strings.HasPrefix(status, "2") || job && text(a, "error.type") == "",
		refused:  status == "401", passive: path == "/notifications", job: job,
		stream: strings.Contains(text(a, "http.response.header.content-type"), "event-stream"),
	})
}

func (h *history) readEvent(event string, at time.Time, a pcommon.Map) {
	id := text(a, "session.id")
	switch event {
	case "session.start":
		if p := text(a, "session.previous_id"); p != "" {
			h.previous[id], h.rotated[p] = p, at
		}
	case "session.end":
		h.ended[id] = at
	case "authn_login_success":
		h.logins[id] = append(h.logins[id], at)
	case "user.session.clear":
		h.clears = append(h.clears, clearing{user: text(a, "user.id"), by: id, at: at})
	}
}

// violations counts what was served late.
func (h *history) violations() map[Expected]int {
	found := map[Expected]int{}
	for _, r := range h.requests {
		if !r.answered {
			continue
		}
		start := r.start
		for _, o := range h.requests {
			if o.session == r.session && o.trace == r.trace && !o.stream && o.start.Before(start) && o.end.After(r.end) {
				start = o.start
			}
		}
		rules := h.expiries(r, start)
		rule := slices.MinFunc(slices.Collect(maps.Keys(rules)), func(a, b Type) int {
			return cmp.Or(rules[a].Compare(rules[b]), cmp.Compare(a, b))
		})
		if start.Sub(rules[rule]) > h.limits.Tolerance {
			found[Expected{Service: r.service, Type: rule, Session: r.session, User: r.user, Background: r.job}]++
		}
	}
	return found
}

// expiries says when the session of a request was dead, by each rule.
func (h *history) expiries(r served, start time.Time) map[Type]time.Time {
	never := start.Add(time.Hour)
	rules := map[Type]time.Time{Ended: never, Rotated: never, Revoked: never, IdleTimeout: never, AbsoluteTimeout: never}
	begin, origin := h.begin(r.session), h.origin(r.session)
	if !origin.IsZero() {
		rules[AbsoluteTimeout] = origin.Add(h.limits.Absolute)
	}
	if at, ok := h.ended[r.session]; ok && at.After(begin.Add(h.limits.Tolerance)) {
		rules[Ended] = at.Add(h.limits.EndGrace)
	}
	if at, ok := h.rotated[r.session]; ok {
		rules[Rotated] = at.Add(h.limits.RotationGrace)
	}
	for _, c := range h.clears {
		if c.user == r.user && c.by != r.session && c.at.After(begin.Add(h.limits.Tolerance)) {
			rules[Revoked] = c.at.Add(h.limits.EndGrace)
		}
	}
	rules[IdleTimeout] = cmp.Or(h.idle(r, start, begin), never)
	return rules
}

// idle is the end of the first gap that is too long, or zero.
func (h *history) idle(r served, start, begin time.Time) time.Time {
	if r.passive {
		return time.Time{}
	}
	active := slices.DeleteFunc(slices.Clone(h.requests), func(o served) bool {
		return o.session != r.session || o.refused || o.passive || o.job || o.start.After(start)
	})
	if r.job {
		active = append(active, served{start: start, end: start})
	}
	slices.SortFunc(active, func(a, b served) int { return a.start.Compare(b.start) })
	last := begin
	for _, o := range active {
		if last.IsZero() {
			last = o.start
		}
		if o.start.Sub(last) > h.limits.Idle+h.limits.Tolerance {
			return last.Add(h.limits.Idle)
		}
		if o.end.After(last) {
			last = o.end
		}
	}
	return time.Time{}
}

// begin is when the session was logged in to, under this id.
func (h *history) begin(session string) time.Time {
	if logins := h.logins[session]; len(logins) > 0 {
		return slices.MaxFunc(logins, time.Time.Compare)
	}
	return time.Time{}
}

// origin is the login that the session goes back to.
func (h *history) origin(session string) time.Time {
	for session != "" {
		if at := h.begin(session); !at.IsZero() {
			return at
		}
		session = h.previous[session]
	}
	return time.Time{}
}

func text(m pcommon.Map, key string) string {
	if v, ok := m.Get(key); ok {
		return v.AsString()
	}
	return ""
}
