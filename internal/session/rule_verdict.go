package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Verdict is what became of a request, for the counters.
type Verdict uint8

// The verdicts.
const (
	InTime Verdict = iota
	Violation
	RejectedAfterExpiry
	RejectedEarly
	Undetermined

	// VerdictCount is the number of verdicts.
	VerdictCount
)

var verdictNames = [VerdictCount]string{"in_time", "violation", "rejected_after_expiry", "rejected_early", "indeterminate"}

func (v Verdict) String() string { return verdictNames[v] }

// Mark is what is thought of a request as it passes.
type Mark struct {
	Suspected bool
	Type      fact.Type
	Policy    int   // index in Config.Policies
	Overrun   int64 // ns
}

// judgement of one request, by what is known now.
type judgement struct {
	violated bool
	short    bool // the work that was allowed did not suffice to find out
	expiry
	overrun        int64
	origin         origin
	authentication int64
}

// outcome is what a record proves. A success proves nothing of a session where an identity
// is asked for and none was shown, or where what lies inside it was rejected.
func (e *Engine) outcome(r *record) fact.Outcome {
	if r.outcome == fact.Served && r.user.IsZero() && (e.doubts(r) || r.state&aroundRejected != 0 && e.rejectsInside(r)) {
		return fact.Indeterminate
	}
	return r.outcome
}

func (e *Engine) doubts(r *record) bool {
	if r.policy == fact.NoPolicy {
		return ungoverned.doubts(r.flags)
	}
	return e.cfg.Policies[r.policy].doubts(r.flags)
}

// ungoverned is how a success is read that no policy governs.
var ungoverned = Policy{Evidence: fact.EvidenceSuccess}

// evidence is what proves that a request which was served was honoured.
func (r *record) evidence() fact.Evidence {
	switch {
	case !r.user.IsZero():
		return fact.EvidenceIdentity
	case r.flags&fact.Presented != 0:
		return fact.EvidencePresented
	}
	return fact.EvidenceSuccess
}

// doubts reports whether a success of a request with these properties proves nothing,
// unless it shows a user.
func (p *Policy) doubts(flags fact.Flags) bool {
	return flags&fact.Options != 0 || p.Evidence == fact.EvidenceIdentity || flags&fact.Presented != 0 && p.Evidence != fact.EvidencePresented
}

// isJudged reports whether a policy has anything to say of the record.
func (e *Engine) isJudged(r *record) bool {
	return r.kind == fact.Request && r.policy != fact.NoPolicy && r.state&(late|unplaced) == 0 && !r.isExempt() &&
		(!r.isBackground() || e.cfg.Policies[r.policy].Background != BackgroundOff)
}

// noteJudged says that r's policy has something to say of its service, before it has
// said it. It changes nothing but l.
func (e *Engine) noteJudged(l *shard, r *record) {
	if e.isJudged(r) {
		l.stats.judged[l.stats.row(e.stats.rowOf(r.policy, e.services.resources[r.resource].service))] = true
	}
}

// canViolate reports whether the record can be a violation, unless what lies inside it was
// rejected.
func (e *Engine) canViolate(r *record) bool {
	return e.isJudged(r) && r.outcome == fact.Served && (!r.user.IsZero() || !e.doubts(r))
}

// judge finds the rule that r violates and that can be confirmed: the earliest that
// rests on something that happened, and idle only where there is none. If none can be
// confirmed, the one that would be.
func (e *Engine) judge(t *timeline, r *record) judgement {
	w := e.newEvaluation(t, r)
	var j judgement
	var sure bool
	if e.work.cut = false; !e.take(1+len(t.rotations)) || r.state&aroundRejected != 0 && e.work.left < workOfRejections {
		return judgement{short: true}
	}
	if e.outcome(r) == fact.Indeterminate {
		return j
	}
	shared, open := w.isShared(), w.isUnidentified()
	e.expiries = e.expiries[:0]
	consider := func(w *evaluation, x expiry) {
		switch {
		case shared:
			x.doubt = ReasonShared
		case w.assumed:
			x.doubt = ReasonIdentity
		case x.doubt == "":
			x.doubt = w.doubt(&x)
		}
		switch certain := x.doubt == ""; {
		case !j.violated, certain && !sure, certain == sure && x.earlier(&j.expiry):
			j.violated, j.expiry, sure = true, x, certain
			j.origin = w.origin()
		}
	}
	w.expiries(func(x expiry) {
		if open {
			e.expiries = append(e.expiries, x)
		}
		consider(&w, x)
	})
	if open { // what would be so if it continued what it was rotated from
		v := w.assuming()
		v.expiries(func(x expiry) {
			if !slices.ContainsFunc(e.expiries, x.same) {
				consider(&v, x)
			}
		})
	}
	if j.violated {
		j.overrun = r.EffectiveStart - j.at
		j.authentication = w.authentication
	}
	j.short = e.work.cut
	return j
}

// verdictOf is the verdict on a request that violates nothing.
func (e *Engine) verdictOf(t *timeline, r *record) Verdict {
	switch e.outcome(r) {
	case fact.Served:
		return InTime
	case fact.Rejected:
		if t == nil || t.first == unset {
			return Undetermined // an id that nobody honoured says nothing
		}
		switch j := e.judge(t, r); {
		case j.short:
			return Undetermined
		case j.violated:
			return RejectedAfterExpiry
		default:
			return RejectedEarly
		}
	}
	return Undetermined
}
