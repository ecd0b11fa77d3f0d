package sessiontest

import (
	"bytes"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// An ancestor is an id of a lineage and up to when what it did belongs to that: of the
// first one up to the request, of all others up to the rotation onto the next.
type ancestor struct {
	id       fact.ID
	rotation *KnownFact // nil of the first
	until    int64      // authentications, identities and ends count
	before   int64      // rotations onto it do
	active   int64      // and activity
}

// itself is r's own id.
func (w *World) itself(r *KnownFact) ancestor {
	return ancestor{id: r.Session.ID, until: w.Horizon(r), before: w.Horizon(r), active: r.Began}
}

// parent is what a rotation led away from: "each up to the rotation plus τ".
// § Lineage.
func (w *World) parent(r, rotation *KnownFact) ancestor {
	return ancestor{rotation.Previous.Key(), rotation, rotation.At + int64(w.Policy(r).Tolerance), rotation.At - 1, rotation.At}
}

// line is x and what it continues, the nearest first.
// § Lineage.
func (w *World) line(r *KnownFact, x ancestor) (line []ancestor) {
	for {
		line = append(line, x)
		rotation := w.Lineage(x.id, x.before)
		if rotation == nil || !w.continues(r, rotation) {
			return line
		}
		x = w.parent(r, rotation)
	}
}

// Lineage reads "the earliest rotation onto an id N at or before r.start + τ or r.end (of
// two at one instant, from the smaller pseudonym) is its lineage; it is followed only if
// it is earlier than the one that led to it". A late one counts where it came before the
// request that is judged, or was judged last.
// § Lineage.
func (w *World) Lineage(s fact.ID, before int64) (found *KnownFact) {
	smaller := func(a, b *KnownFact) bool {
		x, y := Pseudonym(a.Previous.Raw), Pseudonym(b.Previous.Raw)
		return bytes.Compare(x[:], y[:]) < 0
	}
	for _, f := range w.of[s] {
		if f.IsRotation() && w.accuses(f) &&
			(found == nil || f.At < found.At || f.At == found.At && smaller(f, found)) {
			found = f
		}
	}
	if found != nil && (found.At > before || w.forgotten(found.Previous.ID)) {
		return nil
	}
	return found
}

// holding reads "an end holds for an id at an instant if it came at or before it and
// counts, inherited ends aside": for a parent at the rotation plus τ.
// § Lineage.
func (w *World) holding(r *KnownFact, parent ancestor) (ends []*KnownFact) {
	return w.binding(r, parent, parent.until, parent.until)
}

// continues reads "N continues P if no end holds for P at t + τ; or if all that hold came
// within τ of t, and neither P nor what it continues showed a user up to t; or if none
// that holds came more than rotation_grace before t, and the first user that N shows, no
// later than τ after t (rotation_grace, where all that hold came within τ of t), is the
// one whom P, or what P continues, showed last at or before t".
// § Lineage.
func (w *World) continues(r, rotation *KnownFact) bool {
	if rotation == w.assumed {
		return true
	}
	asked := question{r, rotation, w.assumed}
	answer, known := w.answers[asked]
	if !known {
		answer = w.findContinues(r, rotation)
		w.answers[asked] = answer
	}
	return answer
}

// A question whether an id continues another one is asked again and again.
type question struct{ r, rotation, assumed *KnownFact }

func (w *World) findContinues(r, rotation *KnownFact) bool {
	p, t, parent := w.Policy(r), rotation.At, w.parent(r, rotation)
	tol, grace := int64(p.Tolerance), int64(p.RotationGrace)
	within, recent := true, true
	holding := w.holding(r, parent)
	for _, e := range holding {
		within, recent = within && e.At >= t-tol, recent && e.At >= t-grace
	}
	if len(holding) == 0 || w.omits(Continues) {
		return true
	}
	last := w.showedLast(r, parent, t)
	if within && last.IsZero() && !w.omits(ContinuesNobody) {
		return true
	}
	latest := t + tol
	if within {
		latest = t + grace
	}
	at, first := w.showedFirst(rotation.Session.ID)
	return recent && !last.IsZero() && first == last && at <= latest && !w.omits(ContinuesSame)
}

// "An id that does not continue P and was rotated from it more than τ and at most
// rotation_grace behind an end that holds for P, where neither P up to the rotation nor the
// id up to r shows a user: what is found of r only if the id continued P". It returns the
// rotation that would be followed then, or nil.
// § Suspected, confirmed, retracted, inconclusive.
func (w *World) unidentified(r *KnownFact) *KnownFact {
	rotation := w.Lineage(r.Session.ID, w.Horizon(r))
	if rotation == nil || w.continues(r, rotation) || w.shows(r.Session.ID, r.At) || w.shows(rotation.Previous.Key(), rotation.At) {
		return nil
	}
	for _, e := range w.holding(r, w.parent(r, rotation)) {
		if d := rotation.At - e.At; d > int64(w.Policy(r).Tolerance) && d <= int64(w.Policy(r).RotationGrace) {
			return rotation
		}
	}
	return nil
}

// Shows reports whether s shows a user up to an instant.
func (w *World) shows(s fact.ID, until int64) bool {
	return slices.ContainsFunc(w.shown(s), func(f *KnownFact) bool { return f.At <= until })
}

// "What is said of the larger session by ended binds every session that named it since its
// latest authentication and at or before the end, or, where it has not authenticated since,
// whose lineage, as far as it continues it, did up to the rotation".
// § Linked.
func (w *World) linkedTo(r *KnownFact, x ancestor, larger fact.ID, at int64) bool {
	for _, p := range w.line(r, x) {
		until := at
		if p.id != x.id {
			if until = min(at, p.rotation.At); w.omits(LinkedLineage) {
				return false
			}
		}
		since, authenticated := w.lastAuthentication(p.id, until)
		names := func(f *KnownFact) bool {
			return w.links(f, larger) && f.At <= until && (!authenticated || f.At >= since || w.omits(LinkedSince))
		}
		if slices.ContainsFunc(w.of[p.id], names) {
			return true
		}
		if authenticated && !w.omits(LinkedSince) {
			return false
		}
	}
	return false
}

// "A link counts from an event or a served request, never if presented".
// § Linked.
func (w *World) links(f *KnownFact, larger fact.ID) bool {
	return f.Linked.Key() == larger && !larger.IsZero() && w.accuses(f) && !(f.Exempt && w.omits(ExemptLinks)) && (f.Kind != fact.Request || w.Serves(f))
}
