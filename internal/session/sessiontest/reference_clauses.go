package sessiontest

import (
	"maps"
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A Clause is a sentence of docs/design/verdicts.md, or a part of one, that the reference
// can leave out. Where it finds something else in a history then, the clause decided
// something there.
type Clause int

// The clauses.
const (
	None Clause = iota

	ExemptActivity // exempt requests keep the session alive
	ExemptAge      // and make it no older
	ExemptShows    // and show nobody
	ExemptLinks    // but a link that they name counts
	ExemptInside   // what lies inside an exempt request is exempt
	ExemptDeep     // and what lies inside that

	RejectionFrames // what lies inside a rejected request starts with it
	RejectionInside // a success around a rejection proves nothing
	AnswerLater     // unless the service that rejected served something later
	AnswerOfAnother // which no other service can do for it
	AnswerExempt    // and no exempt request

	TraceAlone  // a trace id alone puts nothing inside
	ParentLocal // a parent of its own process does
	ParentSeen  // and a caller that was seen
	CallsNobody // and whatever it was, where the service calls nobody
	InsideBlind // or a parent may have come in a blind time

	LogJoinsSpan // a log record joins the span of its ids
	LogsApart    // and no other log record
	Options      // OPTIONS proves nothing

	StreamEnds   // a stream is activity at its ends only
	StreamFrames // and nothing lies inside it

	BackgroundInside // what lies inside background work is some
	BackgroundDeep   // and what lies inside that

	Shared       // a shared id proves nothing
	SharedSince  // users are counted from a login to the next one
	SharedSource // and those of one source

	PresentedUser // a presented user is no identity
	OneSource     // users are different only if one source named both
	FirstIdentity // under evidence: identity age begins with the first one

	Continues       // behind an end an id may be a session of its own
	ContinuesNobody // not where both came at once and nobody was shown
	ContinuesSame   // nor for the same user
	DeadParent      // an id that continues a dead one is dead with it
	EndIsRotation   // an end that came with a rotation is that rotation
	Unidentified    // where nobody is shown it is inconclusive

	Linked        // the end of a larger session ends this one
	LinkedSince   // if it was named since the latest login
	LinkedLineage // here, or by what the id continues

	ShownSince  // an ended_user spares a session that has shown another user since
	Spares      // and the one that it names, with its lineage
	ShownBefore // an id of nobody has the user of its previous id

	EvidencePresented // evidence: presented takes a presented id for proof
	PresentedID       // which otherwise proves nothing
	HappenedFirst     // what happened comes before what did not

	LoginsReported // a blind time matters only where logins are reported
	LoginsAssumed  // or not known to be unreported

	Outlives  // what was learnt of an ancestor outlives it
	LateBinds // what comes too late and accuses binds only what follows

	ClauseCount
)

var clauseNames = [ClauseCount]string{
	"nothing",
	"exempt: activity", "exempt: not older", "exempt: shows nobody", "exempt: links", "exempt: inside", "exempt: inside inside",
	"rejection frames", "rejection inside", "rejection inside: answered", "rejection inside: another service", "rejection inside: exempt answer",
	"inside: not by a trace id", "inside: parent local", "inside: parent seen", "inside: calls nobody", "inside: blind",
	"log joins span", "logs apart", "options",
	"stream: ends", "stream: frames nothing",
	"background: inside", "background: inside inside",
	"shared", "shared: since", "shared: one source",
	"presented user", "one source", "first identity",
	"continues", "continues: nobody", "continues: same user", "dead parent", "end is rotation", "unidentified",
	"linked", "linked: since", "linked: lineage",
	"ended_user: shown since", "ended_user: spares", "ended_user: lineage",
	"evidence: presented", "presented id", "happened first",
	"logins reported", "logins assumed",
	"lineage outlives", "late",
}

func (c Clause) String() string { return clauseNames[c] }

// omits reports whether c is left out. It is asked last, where nothing else settles the
// matter, so that who was not asked about c would have found the same without it.
func (w *World) omits(c Clause) bool {
	w.asked |= 1 << c
	return w.omitted == c
}

// Deciding returns the clauses without any of which something else would be found than what
// [Reference] finds.
func Deciding(cfg Config, blind []Blindness, arrivals []Arrival) (all []Clause) {
	w := NewWorld(cfg, blind, arrivals)
	truth := w.all()
	for c := None + 1; c < ClauseCount; c++ {
		if cfg, arrivals, changed := c.untold(cfg, arrivals); changed || w.asked&(1<<c) != 0 {
			if !maps.Equal(truth, worldWithout(c, cfg, blind, arrivals).all()) {
				all = append(all, c)
			}
		}
	}
	return all
}

// insideOf are the clauses of what makes others so that lie inside it.
func insideOf(is fact.Flags) (nearest, further Clause) {
	if is == fact.Exempt {
		return ExemptInside, ExemptDeep
	}
	return BackgroundInside, BackgroundDeep
}

// forgotten reports whether nothing is known any more of what s was, since it was silent
// for the retention when what is judged came.
func (w *World) forgotten(s fact.ID) bool {
	return w.cfg.Retention != rememberAll && w.omits(Outlives) && !slices.ContainsFunc(w.Told, func(f *KnownFact) bool {
		return (f.Session.ID == s || f.Previous.Key() == s) && f.Came <= w.about.Came && f.Came >= w.about.Came-int64(w.cfg.Retention)
	})
}

// tellsNothing changes f so that it tells nothing of what c is about, for those clauses that
// the reference need not know of to leave them out.
func (c Clause) tellsNothing(f *fact.Fact) {
	switch c {
	case ParentLocal:
		f.Flags &^= fact.ParentLocal
	case Options:
		f.Flags &^= fact.Options
	case PresentedUser:
		f.Flags &^= fact.UserPresented
	case PresentedID:
		f.Flags &^= fact.Presented
	case TraceAlone:
		f.Flags |= fact.ParentLocal
	case ParentSeen:
		f.Parent = [8]byte{}
	case Linked:
		f.Linked = nil
	}
}

// untold returns what would be told if nobody could tell of what c is about, and whether
// that is something else.
func (c Clause) untold(cfg Config, arrivals []Arrival) (Config, []Arrival, bool) {
	const always = 1_000_000 * time.Hour
	changed := false
	for i := range arrivals {
		f := arrivals[i].Fact
		if c.tellsNothing(&f); f != arrivals[i].Fact {
			if !changed {
				arrivals, changed = slices.Clone(arrivals), true
			}
			arrivals[i].Fact = f
		}
	}
	switch c {
	case Shared:
		changed, cfg.MaxUsers = cfg.MaxUsers > 0, 0
	case EvidencePresented:
		cfg.Policies = slices.Clone(cfg.Policies)
		for i := range cfg.Policies {
			if p := &cfg.Policies[i]; p.Evidence == fact.EvidencePresented {
				p.Evidence, changed = fact.EvidenceSuccess, true
			}
		}
	case LoginsReported:
		changed, cfg.LoginsAssumed = true, always
	case LoginsAssumed:
		changed, cfg.LoginsAssumed = true, -always
	}
	return cfg, arrivals, changed
}
