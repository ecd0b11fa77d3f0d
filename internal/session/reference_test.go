package session

import (
	"bytes"
	"cmp"
	"math"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// The reference reads the design's Meaning as it is written: over all facts at
// once, in no hurry, remembering nothing between two questions. It shares only
// the plain types with the engine. Each function is headed by the sentence that
// it reads.

// lineageSteps is how many rotations are followed back, as Meaning's "so far".
const lineageSteps = 64

// An arrival is a fact and when it came, on the collector's clock.
type Arrival struct {
	Fact fact.Fact
	At   int64
}

// A blindness is a time whose facts may be lost for good.
type Blindness struct {
	From, To int64
	Reason   string
}

// A findingKey is what makes two violations one finding.
type Key struct {
	Session       fact.ID
	Policy        uint8
	Service       [3]string
	Authenticated int64 // the authentication that a is; 0 if none
	Request       int   // of findings per request: which, from 1
}

// An expectation is a final finding without what only an engine can say of it:
// ID, Revision, DecidedAt and User.
type Expectation = fact.Finding

// refFact is a fact; a request is the sum of its records.
type KnownFact struct {
	fact.Fact
	Began int64 // its start; of a request, when the longest around it starts
	Order int   // how many records came before the first of it
	Late  bool  // of a request: each of its records came later than the window
}

// refRule is one reason why a session may have been dead.
type ExpiryRule struct {
	Type   fact.Type
	Expiry int64
	Since  int64  // H, the end itself, the origin: facts after it may clear it
	By     string // who reported the end
}

// refVerdict is a violation: by which rule, and why it is inconclusive.
type ReferenceVerdict struct {
	*KnownFact
	ExpiryRule
	Reason string
}

// refWorld is all that was ever told.
type World struct {
	cfg      settings
	blind    []Blindness
	Told     []*KnownFact             // every record, in the order in which they came
	Requests []*KnownFact             // neither rejected nor exempt
	of       map[fact.ID][]*KnownFact // what says something of a session, its requests too
	away     map[fact.ID][]*KnownFact // the rotations away from it
	about    *KnownFact               // the request that is judged
}

// "One finding for each session, policy, service and latest authentication", or
// "one for every violating request"; "requests served after expiry so far".
func Reference(cfg settings, blind []Blindness, arrivals []Arrival) map[Key]Expectation {
	w := NewWorld(cfg, blind, arrivals)
	found, truth := map[Key][]ReferenceVerdict{}, map[Key]Expectation{}
	for _, r := range w.Requests {
		if v, violates := w.Judge(r); violates {
			found[w.KeyOf(r)] = append(found[w.KeyOf(r)], v)
		}
	}
	for key, all := range found {
		if slices.ContainsFunc(all, func(v ReferenceVerdict) bool { return v.Reason == "" }) {
			all = slices.DeleteFunc(all, func(v ReferenceVerdict) bool { return v.Reason != "" })
		}
		truth[key] = w.finding(all)
	}
	return truth
}

// "The id comes from those, never from the type".
func (w *World) KeyOf(r *KnownFact) Key {
	if w.cfg.PerRequest {
		return Key{Request: r.Order + 1}
	}
	auth, _ := w.lastAuthentication(r.Session.ID, w.Horizon(r))
	return Key{
		Session: r.Session.ID, Policy: r.Policy, Authenticated: auth,
		Service: [3]string{r.Resource.ServiceName, r.Resource.ServiceNamespace, r.Resource.Environment},
	}
}

// "The offender: the first request that violates".
func (w *World) finding(all []ReferenceVerdict) Expectation {
	slices.SortFunc(all, func(a, b ReferenceVerdict) int {
		return cmp.Or(cmp.Compare(a.Flags&fact.Consumer, b.Flags&fact.Consumer), cmp.Compare(a.Began, b.Began), cmp.Compare(a.At, b.At),
			bytes.Compare(a.Span[:], b.Span[:]), bytes.Compare(a.Trace[:], b.Trace[:]))
	})
	r := all[0]
	w.about = r.KnownFact
	f := Expectation{
		Type: r.Type, State: fact.Confirmed, Reason: r.Reason,
		Session: pseudonym(r.Session.Raw), Policy: int(r.Policy),
		Resource: *r.Resource, Details: r.Details, Trace: r.Trace, Span: r.Span, At: r.At,
		Overrun: r.Began - r.Expiry, ExpiredAt: r.Expiry, EndedBy: r.By,
		Requests: len(all), FirstAt: r.At, LastAt: r.At,
		Identity: !r.User.ID.IsZero(), Background: r.Flags.Has(fact.Consumer),
	}
	f.StartedAt, f.StartKnown = w.origin(r.KnownFact)
	if r.Reason != "" {
		f.State = fact.Inconclusive
	}
	if r.Type == fact.IdleTimeout {
		f.LastActivityAt = r.Since
	}
	for _, v := range all {
		f.FirstAt, f.LastAt = min(f.FirstAt, v.At), max(f.LastAt, v.At)
	}
	return f
}

// "A request that P governs, served, whose start is later than expiry by more
// than τ (with inclusive, by τ or more). Its type is that of the earliest rule
// that can be confirmed." "An id that was merely presented needs an identity on
// the request, and so does every request under evidence: identity; without one
// it is indeterminate." "background: off". "A fact later than the window makes no
// new finding".
func (w *World) Judge(r *KnownFact) (ReferenceVerdict, bool) {
	if int(r.Policy) >= len(w.cfg.Policies) { // governed by none
		return ReferenceVerdict{}, false
	}
	w.about = r
	p := w.Policy(r)
	proven := !r.User.ID.IsZero() || !p.EvidenceIdentity && !r.Flags.Has(fact.Presented)
	if r.Outcome != fact.Served || !proven || r.Late || r.Flags.Has(fact.Consumer) && p.Background == off {
		return ReferenceVerdict{}, false
	}
	rules := slices.Concat(w.ends(r), w.absolute(r), w.idle(r))
	rules = slices.DeleteFunc(rules, func(x ExpiryRule) bool { return !refExceeds(p, r.Began-x.Expiry, p.Tolerance) })
	rank := [fact.TypeCount]int{fact.EndedSession: 0, fact.RotatedSession: 1, fact.RevokedSession: 2, fact.AbsoluteTimeout: 3, fact.IdleTimeout: 4}
	slices.SortFunc(rules, func(a, b ExpiryRule) int {
		return cmp.Or(cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(rank[a.Type], rank[b.Type]), cmp.Compare(a.By, b.By))
	})
	for _, x := range rules {
		if w.doubt(r, x) == "" {
			return ReferenceVerdict{r, x, ""}, true
		}
	}
	if len(rules) == 0 {
		return ReferenceVerdict{}, false
	}
	return ReferenceVerdict{r, rules[0], w.doubt(r, rules[0])}, true
}

// "A limit is exceeded by more than (or, with inclusive: true, at) its value".
func refExceeds[D ~int64](p *rules, d int64, limit D) bool {
	return d > int64(limit) || p.Inclusive && d == int64(limit)
}

// "Inconclusive, with a reason, where the collector may have missed what would
// clear it: a blind interval after H for idle, after the end for ended, after the
// origin for absolute (for the last two only where authentications have been seen
// under this policy); sampled spans for idle." Of several the one that began first.
func (w *World) doubt(r *KnownFact, x ExpiryRule) (reason string) {
	sampled := func(f *KnownFact) bool { return f.Kind == fact.Request && f.Flags.Has(fact.Sampled) }
	if x.Type == fact.IdleTimeout && (w.Policy(r).Sampled || slices.ContainsFunc(w.of[r.Session.ID], sampled)) {
		return "sampled"
	}
	for _, b := range w.blind {
		if b.From < w.Horizon(r) && b.To > x.Since && (x.Type == fact.IdleTimeout || w.authenticates(r.Policy)) {
			return b.Reason
		}
	}
	return ""
}

// "Where authentications have been seen under this policy".
func (w *World) authenticates(policy uint8) bool {
	for _, facts := range w.of {
		if slices.ContainsFunc(facts, func(f *KnownFact) bool { return f.Kind == fact.Authenticated }) &&
			slices.ContainsFunc(facts, func(f *KnownFact) bool { return f.Kind == fact.Request && f.Policy == policy }) {
			return true
		}
	}
	return false
}

// "Idle: H + I for the first q with q.start at most r.start and more than I + τ
// after H, where q is r itself or an activity request that P governs, and H is the
// latest end of activity that started before q.start (cut at a, and a itself to
// begin with)." "Passive requests do not violate an idle limit".
func (w *World) idle(r *KnownFact) (found []ExpiryRule) {
	p, first := w.Policy(r), int64(math.MaxInt64)
	a, _ := w.since(r)
	for _, q := range w.of[r.Session.ID] {
		governed := q.Kind == fact.Request && q.Policy == r.Policy && !q.Late && (q == r || q.isActivity())
		if !governed || q.Began > r.Began || q.Began >= first || p.IdleTimeout == 0 || r.Flags.Has(fact.Passive) {
			continue
		}
		h := a
		for _, f := range w.of[r.Session.ID] {
			if f.isActivity() && f.activeFrom() < q.Began {
				h = max(h, f.End)
			}
		}
		if refExceeds(p, q.Began-h, p.IdleTimeout+p.Tolerance) {
			first, found = q.Began, []ExpiryRule{{Type: fact.IdleTimeout, Expiry: h + int64(p.IdleTimeout), Since: h}}
		}
	}
	return found
}

// "Absolute: origin + A".
func (w *World) absolute(r *KnownFact) []ExpiryRule {
	origin, _ := w.origin(r)
	if p := w.Policy(r); p.AbsoluteTimeout != 0 {
		return []ExpiryRule{{Type: fact.AbsoluteTimeout, Expiry: origin + int64(p.AbsoluteTimeout), Since: origin}}
	}
	return nil
}

// "Ended: every end of this id plus end_grace; every rotation away from it plus
// rotation_grace (an end within τ of a rotation is that rotation); every
// ended_user, plus end_grace, of the user whose identity the session showed last
// at or before it, if the session was seen before it. With a known start, ends and
// ended_users at or before a + τ do not count, and a rotation away does not if a
// is more than τ after it." All sessions of this user "but the one that the record
// itself names".
func (w *World) ends(r *KnownFact) (found []ExpiryRule) {
	s, p := r.Session.ID, w.Policy(r)
	a, known := w.since(r)
	tol, grace := int64(p.Tolerance), int64(p.EndGrace)
	for _, e := range w.Told {
		rotation := func(x *KnownFact) bool { return max(x.At-e.At, e.At-x.At) <= tol }
		rule := ExpiryRule{Since: e.At, By: e.Resource.ServiceName}
		switch {
		case e.Kind == fact.Ended && e.Session.ID == s && !(known && e.At <= a+tol) && !slices.ContainsFunc(w.away[s], rotation):
			rule.Type, rule.Expiry = fact.EndedSession, e.At+grace
		case e.IsRotation() && e.Previous.ID == s && !(known && a-e.At > tol):
			rule.Type, rule.Expiry = fact.RotatedSession, e.At+int64(p.RotationGrace)
		case e.Kind == fact.EndedUser && e.Session.ID != s && !(known && e.At <= a+tol) && !e.User.ID.IsZero() &&
			w.first(s) < e.At &&
			w.identity(s, e.At, w.Horizon(r), 0) == e.User.ID:
			rule.Type, rule.Expiry = fact.RevokedSession, e.At+grace
		default:
			continue
		}
		if w.binds(e, r) {
			found = append(found, rule)
		}
	}
	return found
}

// "A fact later than the window makes no new finding from the past, but ends and
// authentications bind what follows".
func (w *World) binds(e, r *KnownFact) bool {
	return e.Order < r.Order || !w.isLate(e, r.Session.ID)
}

// "The user whose identity the session showed last at or before it (an id that
// shows none has the one that its previous id showed last up to the rotation)".
func (w *World) identity(s fact.ID, u, before int64, steps int) fact.ID {
	last := &KnownFact{}
	for _, f := range w.of[s] {
		if !f.User.ID.IsZero() && !(f.Late && f.Kind != fact.Authenticated) && f.At <= u && (last.User.ID.IsZero() || f.At > last.At ||
			f.At == last.At && slices.Compare(f.User.ID[:], last.User.ID[:]) > 0) {
			last = f
		}
	}
	if rotation := w.Lineage(s, before); last.User.ID.IsZero() && rotation != nil && steps < lineageSteps {
		return w.identity(rotation.Previous.ID, rotation.At, rotation.At-1, steps+1)
	}
	return last.User.ID
}

// "At or before r.start + τ or r.end, whichever is later".
func (w *World) Horizon(r *KnownFact) int64 {
	return max(r.Began+int64(w.Policy(r).Tolerance), r.End)
}

// "The latest authentication at or before" an instant; 0 without one.
func (w *World) lastAuthentication(s fact.ID, until int64) (at int64, ok bool) {
	for _, f := range w.of[s] {
		if f.Kind == fact.Authenticated && f.At <= until {
			at, ok = max(at, f.At), true
		}
	}
	return at, ok
}

// "For a request r, a is the latest authentication at or before r.start + τ or
// r.end. Without one it is the session's start. Otherwise the start is unknown,
// and a is the earliest activity".
func (w *World) since(r *KnownFact) (a int64, known bool) {
	if a, ok := w.lastAuthentication(r.Session.ID, w.Horizon(r)); ok {
		return a, true
	}
	return w.start(r.Session.ID, int64(w.Policy(r).Tolerance), r.Began)
}

// "The session's start: its earliest started or rotated fact, unless any other
// fact of this id (a rotation away from it, too) came more than τ before that.
// Otherwise the earliest activity (a lower bound of the age)".
func (w *World) start(s fact.ID, tol, otherwise int64) (at int64, known bool) {
	start, activity, first := int64(math.MaxInt64), int64(math.MaxInt64), w.first(s)
	for _, f := range w.of[s] {
		if (f.Kind == fact.Started || f.Kind == fact.Rotated) && (!f.Late || f.At >= first-tol) {
			start = min(start, f.At)
		}
		if f.isActivity() && !f.Late {
			activity = min(activity, f.At)
		}
	}
	switch {
	case start < math.MaxInt64 && start-first <= tol:
		return start, true
	case activity < math.MaxInt64:
		return activity, false
	}
	return otherwise, false
}

// When a fact first told of the session. "A fact later than the window makes no new
// finding from the past": it makes no session older.
func (w *World) first(s fact.ID) int64 {
	first := int64(math.MaxInt64)
	for _, f := range w.of[s] {
		if !f.Late {
			first = min(first, f.At)
		}
	}
	for _, f := range w.away[s] {
		if !w.isLate(f, s) {
			first = min(first, f.At)
		}
	}
	return first
}

// "The origin of the absolute clock", and whether it is an authentication or a known
// start: "the latest authentication in the lineage: on this id up to the same
// instant, or on the ids it was rotated from, each up to the rotation plus τ; without
// one, the root's start, else its earliest activity, else the rotation".
func (w *World) origin(r *KnownFact) (at int64, known bool) {
	tol, latest, authenticated := int64(w.Policy(r).Tolerance), int64(math.MinInt64), false
	s, until, before, otherwise := r.Session.ID, w.Horizon(r), w.Horizon(r), r.Began
	for steps := 0; ; steps++ {
		if auth, ok := w.lastAuthentication(s, until); ok {
			latest, authenticated = max(latest, auth), true
		}
		rotation := w.Lineage(s, before)
		if rotation == nil || steps == lineageSteps {
			break
		}
		s, until, before, otherwise = rotation.Previous.ID, rotation.At+tol, rotation.At-1, rotation.At
	}
	if authenticated {
		return latest, true
	}
	return w.start(s, tol, otherwise)
}

// "The earliest rotation onto an id N at or before r.start + τ or r.end (of two at one
// instant, from the smaller pseudonym) is its lineage; it is followed only if it is
// earlier than the one that led to it". So far it is followed for lineageSteps steps.
func (w *World) Lineage(s fact.ID, before int64) (found *KnownFact) {
	smaller := func(a, b *KnownFact) bool {
		x, y := pseudonym(a.Previous.Raw), pseudonym(b.Previous.Raw)
		return bytes.Compare(x[:], y[:]) < 0
	}
	for _, f := range w.of[s] {
		if f.IsRotation() && (!f.Late || f.Order < w.about.Order) &&
			(found == nil || f.At < found.At || f.At == found.At && smaller(f, found)) {
			found = f
		}
	}
	if found != nil && found.At > before {
		return nil
	}
	return found
}

func (w *World) Policy(r *KnownFact) *rules { return &w.cfg.Policies[r.Policy] }

// "Every request that is neither rejected nor passive nor a CONSUMER span, over its
// whole interval, and every start, authentication and activity fact at its instant".
func (f *KnownFact) isActivity() bool {
	switch f.Kind {
	case fact.Request:
		return f.Outcome != fact.Rejected && f.Flags&(fact.Passive|fact.Consumer) == 0
	case fact.Started, fact.Rotated, fact.Authenticated, fact.Activity:
		return true
	}
	return false
}

// "Every request over its whole interval": its own, wherever it is judged to start.
func (f *KnownFact) activeFrom() int64 { return f.Start }

// "A start, and the previous id ended here (onto itself: only a start)".
func (f *KnownFact) IsRotation() bool {
	return f.Kind == fact.Rotated && f.Previous.ID != f.Session.ID && !f.Previous.ID.IsZero()
}

// "Lies inside a longer one of the same session and trace"; "a record without both
// ids lies inside nothing".
func (f *KnownFact) liesInside(c *KnownFact) bool {
	return f.hasIDs() && c.hasIDs() && f.Session.ID == c.Session.ID && f.Trace == c.Trace &&
		c.Start <= f.Start && f.End <= c.End && c.End-c.Start > f.End-f.Start
}

// "What lies inside an exempt request is exempt with it", and so is another record
// of it.
func (f *KnownFact) exempts(r *KnownFact) bool {
	same := r.hasIDs() && f.Session.ID == r.Session.ID && f.Trace == r.Trace && f.Span == r.Span
	return f.Kind == fact.Exempt && (r.liesInside(f) || same)
}

func (f *KnownFact) hasIDs() bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// "A request that lies inside a longer one, which is not a stream, starts when the
// longest around it starts".
func (f *KnownFact) start(all []*KnownFact) int64 {
	longest, at := int64(0), f.Start
	for _, c := range all {
		d := c.End - c.Start
		if f.liesInside(c) && !c.Flags.Has(fact.Stream) && (d > longest || d == longest && c.Start < at) {
			longest, at = d, c.Start
		}
	}
	return at
}

// "A timestamp more than max_ahead after its arrival, or more than max_age before it
// (0 for replay), is not evidence." "Exempt requests are no facts; what lies inside
// an exempt request of the same session and trace is exempt with it." "A rejected
// request changes no verdict and opens no session".
func NewWorld(cfg settings, blind []Blindness, arrivals []Arrival) *World {
	blind = slices.SortedStableFunc(slices.Values(blind), func(a, b Blindness) int { return cmp.Compare(a.From, b.From) })
	w := &World{cfg: cfg, blind: blind, of: map[fact.ID][]*KnownFact{}, away: map[fact.ID][]*KnownFact{}}
	for _, x := range arrivals {
		f := &KnownFact{Fact: x.Fact, Order: len(w.Told), Began: x.Fact.Start}
		if f.End > x.At+int64(cfg.MaxAhead) || cfg.MaxAge > 0 && f.At < x.At-int64(cfg.MaxAge) {
			continue
		}
		w.Told = append(w.Told, f)
		f.Late = w.isLate(f, f.Session.ID)
		if f.Kind != fact.Request && f.Kind != fact.Exempt && f.Kind != fact.EndedUser {
			w.of[f.Session.ID] = append(w.of[f.Session.ID], f)
		}
		if f.IsRotation() {
			w.away[f.Previous.ID] = append(w.away[f.Previous.ID], f)
		}
	}
	all := w.joined()
	for _, r := range all {
		exempt := func(f *KnownFact) bool { return f.exempts(r) }
		if r.Outcome != fact.Rejected && !slices.ContainsFunc(w.Told, exempt) {
			r.Began = r.start(all)
			w.Requests = append(w.Requests, r)
			w.of[r.Session.ID] = append(w.of[r.Session.ID], r)
		}
	}
	return w
}

// "Records with one trace id and span id are one request. A record without both ids
// is a request of its own (equal ones, delivered twice, are one)".
func (f *KnownFact) sameAs(g *KnownFact) bool {
	if f.hasIDs() || g.hasIDs() {
		return f.Session.ID == g.Session.ID && f.Trace == g.Trace && f.Span == g.Span
	}
	a, b := f.Fact, g.Fact
	a.Resource, b.Resource = nil, nil
	return a == b && *f.Resource == *g.Resource
}

// "The span's times win, and rejected beats indeterminate beats served".
func (w *World) joined() (all []*KnownFact) {
	var requests [][]*KnownFact
	for _, f := range w.Told {
		if f.Kind == fact.Request {
			if i := slices.IndexFunc(requests, func(records []*KnownFact) bool { return f.sameAs(records[0]) }); i >= 0 {
				requests[i] = append(requests[i], f)
			} else {
				requests = append(requests, []*KnownFact{f})
			}
		}
	}
	for _, records := range requests {
		best := slices.SortedStableFunc(slices.Values(records), func(a, b *KnownFact) int {
			return cmp.Or(cmp.Compare(a.Flags&fact.FromLog, b.Flags&fact.FromLog), cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End),
				cmp.Compare(a.Policy, b.Policy), cmp.Compare(a.Resource.ServiceName, b.Resource.ServiceName), cmp.Compare(a.At, b.At))
		})
		r := *best[0]
		r.Order = records[0].Order
		for _, other := range best {
			if r.User.ID.IsZero() {
				r.User = other.User
			}
			r.Outcome, r.Late = max(r.Outcome, other.Outcome), r.Late && other.Late
		}
		all = append(all, &r)
	}
	return all
}

// "Each comes while its end is no more than reorder_window behind the session's
// newest end (event time)": else it is late. What is known to be rejected or exempt
// is no end of the session's.
func (w *World) isLate(f *KnownFact, s fact.ID) bool {
	for _, x := range w.Told[:f.Order] {
		exempt := func(e *KnownFact) bool { return e.exempts(x) }
		rejected := func(r *KnownFact) bool {
			return r.Kind == fact.Request && r.Outcome == fact.Rejected && (r == x || r.sameAs(x))
		}
		says := x.Session.ID == s && x.Kind != fact.Exempt && x.Kind != fact.EndedUser &&
			!(x.Kind == fact.Request && slices.ContainsFunc(w.Told[:x.Order+1], rejected))
		if (says || x.IsRotation() && x.Previous.ID == s) && f.End < x.End-int64(w.cfg.ReorderWindow) &&
			!slices.ContainsFunc(w.Told[:x.Order], exempt) {
			return true
		}
	}
	return false
}
