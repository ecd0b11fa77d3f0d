package session

import (
	"slices"
	"sort"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Why something cannot be confirmed.
const (
	// ReasonSampled: spans of the session may have been dropped by a sampler.
	ReasonSampled = "sampled"
	// ReasonEvicted: what was known of the session was thrown away.
	ReasonEvicted = "evicted"
	// ReasonRestart: what was known was lost with an engine that stopped.
	ReasonRestart = "restart"
	// ReasonBounds: something that would clear it may lie beyond what is looked at.
	ReasonBounds = "bounds"
	// ReasonIdentity: that an id continues another one rests on who was shown, and nobody
	// was.
	ReasonIdentity = "identity"
	// ReasonShared: many users have the session's id.
	ReasonShared = "shared"
	// ReasonShutdown: the collector stopped before the wait was over.
	ReasonShutdown = "shutdown"
)

// blindInterval is a time whose facts may be lost for good.
type blindInterval struct {
	from, to int64
	reason   string
}

// maxBlind bounds how many blind intervals are told apart; beyond it the two
// that lie closest become one.
const maxBlind = 64

type blinds []blindInterval

func (b *blinds) add(n blindInterval) {
	list := *b
	i := len(list)
	for i > 0 && list[i-1].from > n.from {
		i--
	}
	list = append(list, blindInterval{})
	copy(list[i+1:], list[i:])
	list[i] = n
	if len(list) > maxBlind {
		k := 1
		for j := 1; j < len(list); j++ {
			if list[j].from-list[j-1].to < list[k].from-list[k-1].to {
				k = j
			}
		}
		list[k-1].to = max(list[k-1].to, list[k].to)
		list = append(list[:k], list[k+1:]...)
	}
	*b = list
}

// between returns the reason of the first blind interval that touches the open
// interval from since to at.
func (b blinds) between(since, at int64) (reason string, blind bool) {
	for i := range b {
		if b[i].from < at && b[i].to > since {
			return b[i].reason, true
		}
	}
	return "", false
}

// doubt says why x cannot be confirmed, or nothing: what would clear an idle
// expiry is activity behind it, what would clear any other is an
// authentication, where those are seen at all.
func (w *evaluation) doubt(x *expiry) string {
	if w.r.state&traceTruncated != 0 || w.t.moreLinks {
		return ReasonBounds
	}
	if lost := w.lostDoubt(x); lost != "" {
		return lost
	}
	if x.typ == fact.IdleTimeout {
		if w.policy.Sampled || w.isSampled() {
			return ReasonSampled
		}
	} else if !w.reportsLogins() {
		return ""
	}
	if reason, blind := w.e.blinds.between(x.since, w.limit); blind {
		return reason
	}
	since := x.since
	if x.typ == fact.EndedSession || x.typ == fact.RevokedSession {
		since -= int64(w.policy.Tolerance) // so much before an end a start still voids it
	}
	if w.t.unknownBefore <= since || x.vouched && w.t.unknownBefore > w.e.restarted {
		return ""
	}
	return w.whyUnknown()
}

// whyUnknown is why not all is known of the session before some instant.
func (w *evaluation) whyUnknown() string {
	if w.t.unknownBefore <= w.e.restarted {
		return ReasonRestart
	}
	return ReasonEvicted
}

// reportsLogins reports whether logins under the request's policy are reported: one was
// seen, or when it happened the policy had not been watched for long enough to say.
func (w *evaluation) reportsLogins() bool {
	since := w.e.watched[w.r.policy]
	return w.e.authenticated&(1<<w.r.policy) != 0 || since == unset || w.limit < since+int64(w.e.cfg.LoginsAssumed)
}

// watch notes since when each policy is watched: no later than the first fact that is not
// of the past.
func (e *Engine) watch(now int64) {
	for i, since := range e.watched {
		if since == unset {
			e.watched[i] = now
		}
	}
}

// loginSpan is the time from the request's latest authentication up to the next one, which is
// not part of it.
func (w *evaluation) loginSpan() (from, until int64) {
	from, until = longAgo, unset
	if w.authentication != 0 {
		from = w.authentication
	}
	logins := w.t.authentications
	if i := loginsUntil(logins, w.limit); i < len(logins) {
		until = logins[i]
	}
	return from, until
}

// isSampled reports whether spans may be missing of what the request's login began.
func (w *evaluation) isSampled() bool {
	if len(w.t.sampled) == 0 {
		return false
	}
	from, until := w.loginSpan()
	return slices.ContainsFunc(w.t.sampled, func(at int64) bool { return at >= from && at < until })
}

// isShared reports whether more users of one source than one session may have were shown
// from the request's latest authentication up to the next one.
func (w *evaluation) isShared() bool {
	most, list := w.e.cfg.MaxUsers, w.t.identities
	if most == 0 || len(list) <= most {
		return false
	}
	from, until := w.loginSpan()
	list = list[sort.Search(len(list), func(i int) bool { return list[i].at >= from }):]
	list = list[:sort.Search(len(list), func(i int) bool { return list[i].at >= until })]
	for i := range list {
		if different(list[:i+1], list[i].source) > most {
			return true
		}
	}
	return false
}

// knewMore says that an engine which stopped at until knew more: no verdict
// may rest on what this one was not told. Call it before the first fact.
func (e *Engine) restartedAt(until int64) {
	e.restarted = until
	e.tombstones.raise(until)
	e.authenticated = ^uint64(0)
	e.loseCallers(until)
}

// loseCallers says that a parent which ended by until may have been seen, though nothing is
// known of it.
func (e *Engine) loseCallers(until int64) {
	if c := &e.callers; int64(seconds(until)) > c.gone {
		c.gone = int64(seconds(until))
		if len(c.awaited.of) > 0 {
			c.walk.begin(span{longAgo, longAgo})
		}
	}
}

// blind says that facts whose time lies in [from, to] may be lost for good.
func (e *Engine) blind(from, to int64, reason string) {
	if to < from {
		return
	}
	e.blinds.add(blindInterval{from, to, reason})
	e.stats.blind[reason] += to - from
	e.blinded = e.suspects.decided.Front()
	e.loseCallers(to)
}
