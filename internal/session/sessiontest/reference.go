package sessiontest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// The reference reads docs/design/verdicts.md as it is written: over all facts at
// once, in no hurry, remembering nothing between two questions. It shares only
// the plain types with the engine. Each function is headed by the sentence that
// it reads, and § names the section where that stands.

// A Key is what makes two violations one finding.
type Key struct {
	Session       fact.ID
	Policy        uint8
	Service       [3]string
	Authenticated int64 // the authentication that a is; 0 if none
	Request       int   // of findings per request: which, from 1
}

// An Expectation is a final finding without what only an engine can say of it:
// ID, Revision and DecidedAt.
type Expectation = fact.Finding

// Expected takes from f what no reference can know.
func Expected(f fact.Finding) Expectation {
	f.ID, f.Revision, f.DecidedAt = 0, 0, 0
	return f
}

// A KnownFact is a fact that was told; a request is the sum of its records.
type KnownFact struct {
	fact.Fact
	Began int64 // its start; of a request, when the longest around it starts
	Order int   // how many records came before the first of it
	Came  int64 // when the first of it did
	Late  bool  // of a request: each of its records came later than the window
	// Background: a CONSUMER span, or inside one. Exempt: so, or inside one that is.
	Background, Exempt bool
}

func one(b bool) int {
	if b {
		return 1
	}
	return 0
}

// A Rule is one reason why a session may have been dead.
type Rule struct {
	Type   fact.Type
	Expiry int64
	Since  int64 // H, the end itself, the origin: facts after it may clear it
	// assumed: it is so only if the id continued by this rotation.
	assumed *KnownFact
	By      string // who reported the end
}

// A Verdict is a violation: by which rule, and why it is inconclusive.
type Verdict struct {
	*KnownFact
	Rule
	Reason string
}

// A World is all that was ever told.
type World struct {
	cfg      Config
	omitted  Clause // which sentence it does not read
	asked    uint64 // which ones mattered, as bits
	blind    []Blindness
	Told     []*KnownFact             // every record, in the order in which they came
	calls    []*fact.Caller           // the spans that may be parents
	joint    []*KnownFact             // all requests, each the sum of its records
	Requests []*KnownFact             // those that are neither rejected nor exempt
	of       map[fact.ID][]*KnownFact // what says something of a session, its requests too
	away     map[fact.ID][]*KnownFact // the rotations away from it
	about    *KnownFact               // the request that is judged
	assumed  *KnownFact               // a rotation: "if the id continued P"
	answers  map[question]bool
	watched  int64 // since when the policies are, on the collector's clock
}

// Reference reads "one finding for each session, policy, service and latest
// authentication", or "one for every violating request"; "requests served after expiry
// so far".
func Reference(cfg Config, blind []Blindness, arrivals []Arrival) map[Key]Expectation {
	return NewWorld(cfg, blind, arrivals).all()
}

func (w *World) all() map[Key]Expectation {
	found, truth := map[Key][]Verdict{}, map[Key]Expectation{}
	for _, r := range w.Requests {
		if v, violates := w.Judge(r); violates {
			found[w.KeyOf(r)] = append(found[w.KeyOf(r)], v)
		}
	}
	for key, all := range found {
		if slices.ContainsFunc(all, func(v Verdict) bool { return v.Reason == "" }) {
			all = slices.DeleteFunc(all, func(v Verdict) bool { return v.Reason != "" })
		}
		truth[key] = w.finding(all)
	}
	return truth
}

// KeyOf reads "the id comes from those, never from the type".
func (w *World) KeyOf(r *KnownFact) Key {
	if w.cfg.PerRequest {
		return Key{Request: r.Order + 1}
	}
	auth, _ := w.lastAuthentication(r.Session.ID, w.Horizon(r))
	return Key{
		Session: r.Session.ID, Policy: r.Policy, Authenticated: auth,
		Service: r.service(),
	}
}

// "The offender: the first request that violates".
func (w *World) finding(all []Verdict) Expectation {
	slices.SortFunc(all, func(a, b Verdict) int {
		return cmp.Or(cmp.Compare(one(a.Background), one(b.Background)), cmp.Compare(a.Began, b.Began), cmp.Compare(a.At, b.At),
			bytes.Compare(a.Span[:], b.Span[:]), bytes.Compare(a.Trace[:], b.Trace[:]))
	})
	r := all[0]
	w.about, w.assumed = r.KnownFact, r.assumed
	f := Expectation{
		Type: r.Type, State: fact.Confirmed, Reason: r.Reason,
		Session: Pseudonym(r.Session.Raw), Policy: int(r.Policy),
		Resource: *r.Resource, Details: r.Details, Trace: r.Trace, Span: r.Span, At: r.At,
		Overrun: r.Began - r.Expiry, ExpiredAt: r.Expiry, EndedBy: r.By,
		Requests: len(all), FirstAt: r.At, LastAt: r.At,
		Evidence: r.evidence(), Background: r.Background,
	}
	f.StartedAt, f.StartKnown = w.origin(r.KnownFact)
	w.assumed = nil
	f.User, f.Details.User = w.named(r.KnownFact), ""
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

// "session_timeout.evidence: identity, success or presented".
// § Outcome.
func (f *KnownFact) evidence() fact.Evidence {
	switch {
	case !f.User.ID.IsZero():
		return fact.EvidenceIdentity
	case f.Flags.Has(fact.Presented):
		return fact.EvidencePresented
	}
	return fact.EvidenceSuccess
}

// Serves reads "a success proves nothing, and is indeterminate, unless the request shows a
// user, if the id was merely presented, or the policy says evidence: identity (evidence:
// presented takes a presented id for proof); if its method is OPTIONS; if a request of the
// same session that lies inside it, exempt or not, was rejected, and none of the service that
// rejected, exempt requests aside, which lies inside it and ended later was served".
// § Outcome.
func (w *World) Serves(r *KnownFact) bool {
	evidence := fact.EvidenceSuccess
	if int(r.Policy) < len(w.cfg.Policies) { // else governed by none
		evidence = w.Policy(r).Evidence
	}
	doubtful := w.rejectsInside(r) || r.Flags.Has(fact.Presented) && evidence != fact.EvidencePresented || evidence == fact.EvidenceIdentity || r.Flags.Has(fact.Options)
	return r.Outcome == fact.Served && (!doubtful || !r.User.ID.IsZero())
}

func (w *World) rejectsInside(r *KnownFact) bool {
	return slices.ContainsFunc(w.joint, func(x *KnownFact) bool {
		return x.Outcome == fact.Rejected && w.liesInside(x, r) && !slices.ContainsFunc(w.joint, func(y *KnownFact) bool {
			return w.liesInside(y, r) && y.End > x.End && (!y.Exempt || w.omits(AnswerExempt)) &&
				(y.service() == x.service() || w.omits(AnswerOfAnother)) && w.Serves(y) && !w.omits(AnswerLater)
		})
	}) && !w.omits(RejectionInside)
}

func (f *KnownFact) service() [3]string { return serviceOf(f.Resource) }

func serviceOf(r *fact.Resource) [3]string {
	return [3]string{r.ServiceName, r.ServiceNamespace, r.Environment}
}

// Judge reads "a request that P governs, served, whose start is later than expiry by more
// than τ (with inclusive, by τ or more). Its type is that of the earliest rule that can
// be confirmed among those that rest on something that happened (ended, rotated, revoked,
// absolute), and idle, which rests on something that did not, only where none of these
// can." "background: off". "A fact later than the window makes no new finding".
// § Violation.
func (w *World) Judge(r *KnownFact) (Verdict, bool) {
	if int(r.Policy) >= len(w.cfg.Policies) { // governed by none
		return Verdict{}, false
	}
	w.about, w.answers = r, map[question]bool{}
	p := w.Policy(r)
	if !w.Serves(r) || r.Late || r.Background && p.Background == BackgroundOff {
		return Verdict{}, false
	}
	rules := w.rules(r)
	if w.assumed = w.unidentified(r); w.assumed != nil && !w.omits(Unidentified) {
		known := rules
		for _, x := range w.rules(r) {
			if !slices.Contains(known, x) {
				x.assumed = w.assumed
				rules = append(rules, x)
			}
		}
	}
	w.assumed = nil
	rules = slices.DeleteFunc(rules, func(x Rule) bool { return !exceeds(p, r.Began-x.Expiry, p.Tolerance) })
	rank := [fact.TypeCount]int{fact.EndedSession: 0, fact.RotatedSession: 1, fact.RevokedSession: 2, fact.AbsoluteTimeout: 3, fact.IdleTimeout: 4}
	slices.SortFunc(rules, func(a, b Rule) int {
		happened := cmp.Compare(rank[a.Type]/4, rank[b.Type]/4)
		if happened != 0 && w.omits(HappenedFirst) {
			happened = 0
		}
		return cmp.Or(happened, cmp.Compare(a.Expiry, b.Expiry), cmp.Compare(rank[a.Type], rank[b.Type]), cmp.Compare(a.By, b.By))
	})
	for _, x := range rules {
		if w.doubt(r, x) == "" {
			return Verdict{r, x, ""}, true
		}
	}
	if len(rules) == 0 {
		return Verdict{}, false
	}
	return Verdict{r, rules[0], w.doubt(r, rules[0])}, true
}

// rules are all by which the session may have been dead for r.
// § Expiry.
func (w *World) rules(r *KnownFact) []Rule { return slices.Concat(w.ends(r), w.absolute(r), w.idle(r)) }

// "A limit is exceeded by more than (or, with inclusive: true, at) its value".
// § Expiry.
func exceeds[D ~int64](p *Policy, d int64, limit D) bool {
	return d > int64(limit) || p.Inclusive && d == int64(limit)
}

// "Inconclusive, with a reason, where the collector may have missed what would
// clear it: a blind interval after H for idle, after the end for ended, after the
// origin for absolute (for the last two only where logins are reported under this
// policy); sampled spans for idle (until the session's next authentication); a shared id." Of
// several blind ones the one that began first.
// § Suspected, confirmed, retracted, inconclusive.
func (w *World) doubt(r *KnownFact, x Rule) (reason string) {
	sampled := func(f *KnownFact) bool {
		return f.Kind == fact.Request && f.Flags.Has(fact.Sampled) && w.sameLogin(r, f)
	}
	switch {
	case w.shared(r):
		return "shared"
	case x.assumed != nil:
		return "identity"
	}
	if x.Type == fact.IdleTimeout && (w.Policy(r).Sampled || slices.ContainsFunc(w.of[r.Session.ID], sampled)) {
		return "sampled"
	}
	for _, b := range w.blind {
		if b.From < w.Horizon(r) && b.To > x.Since && (x.Type == fact.IdleTimeout || w.reportsLogins(r)) {
			return b.Reason
		}
	}
	return ""
}

// "Where logins are reported under this policy: one was seen, or the engine has not yet
// watched the policy for retention" when r happened.
// § Suspected, confirmed, retracted, inconclusive.
func (w *World) reportsLogins(r *KnownFact) bool {
	for _, facts := range w.of {
		if slices.ContainsFunc(facts, func(f *KnownFact) bool { return f.Kind == fact.Authenticated }) &&
			slices.ContainsFunc(facts, func(f *KnownFact) bool { return f.Kind == fact.Request && f.Policy == r.Policy && !f.Exempt }) {
			return true
		}
	}
	return w.Horizon(r) < w.watched+int64(w.cfg.LoginsAssumed)
}

// sameLogin reports whether f came "from r's latest authentication up to the next one".
// § Suspected, confirmed, retracted, inconclusive.
func (w *World) sameLogin(r, f *KnownFact) bool {
	from, authenticated := w.lastAuthentication(r.Session.ID, w.Horizon(r))
	at, _ := w.lastAuthentication(r.Session.ID, max(f.At, w.Horizon(r)))
	return !(authenticated && f.At < from) && at <= from
}
