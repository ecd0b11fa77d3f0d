package sessiontest

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// showsUser reads "a user is shown by an event other than ended and ended_user, or by a
// request that was not rejected". An exempt one "counts for the idle clock, and for a link".
// § Who is shown.
func (w *World) showsUser(f *KnownFact) bool {
	return !f.User.ID.IsZero() && f.Kind != fact.Ended && (!f.Exempt || w.omits(ExemptShows))
}

// accuses reads "what comes later than the window and accuses (an end, a link, an identity,
// a rotation, an older start) binds only what follows its arrival": not a request that is
// judged and came before it.
// § Verdicts do not depend on delivery.
func (w *World) accuses(f *KnownFact) bool {
	return !f.Late || f.Order < w.about.Order || w.omits(LateBinds)
}

// shownLater reads "of two at one instant the one of the source listed first, then the one
// with the greater pseudonym".
// § Who is shown.
func shownLater(a, b *KnownFact) int {
	x, y := Pseudonym(a.User.Raw), Pseudonym(b.User.Raw)
	return cmp.Or(cmp.Compare(a.At, b.At), cmp.Compare(b.UserSource, a.UserSource), bytes.Compare(x[:], y[:]))
}

// shown are the records of s that show a user, the one that was shown last behind the
// others.
// § Who is shown.
func (w *World) shown(s fact.ID) (all []*KnownFact) {
	return slices.DeleteFunc(w.everShown(s), func(f *KnownFact) bool { return !w.accuses(f) && f.Kind != fact.Authenticated })
}

// everShown has those, too, that came late: "what clears clears always".
// § Verdicts do not depend on delivery.
func (w *World) everShown(s fact.ID) (all []*KnownFact) {
	for _, f := range w.of[s] {
		if w.showsUser(f) {
			all = append(all, f)
		}
	}
	slices.SortStableFunc(all, shownLater)
	return all
}

// "The user whom the session showed last at or before it (an id that shows none has the
// one its previous id showed last up to the rotation, if it continues that)".
// § Expiry.
func (w *World) showedLast(r *KnownFact, x ancestor, at int64) fact.ID {
	_, user := w.shownAt(r, x, at, w.shown)
	return user
}

// shownAt returns the user whom x, or what it continues, showed last at or before an
// instant, and which of them did, by the records that shown has of each.
func (w *World) shownAt(r *KnownFact, x ancestor, at int64, shown func(s fact.ID) []*KnownFact) (by, user fact.ID) {
	for _, f := range shown(x.id) {
		if f.At <= at {
			by, user = x.id, f.User.ID
		}
	}
	if !user.IsZero() || w.omits(ShownBefore) {
		return by, user
	}
	for _, parent := range w.line(r, x)[1:] {
		for _, f := range shown(parent.id) {
			if f.At <= parent.rotation.At {
				by, user = parent.id, f.User.ID
			}
		}
		if !user.IsZero() {
			break
		}
	}
	return by, user
}

// showedFirst is the first user that s shows, and when.
func (w *World) showedFirst(s fact.ID) (at int64, user fact.ID) {
	for _, f := range w.shown(s) {
		if user.IsZero() || f.At == at {
			at, user = f.At, f.User.ID
		}
	}
	return at, user
}

// "No user different from that one was shown on it behind that end and at or before r".
// "Different only if one source named both": on this id, or on the one that showed that one.
// § Expiry.
func (w *World) shownSince(r *KnownFact, x ancestor, e *KnownFact, until int64, shown func(s fact.ID) []*KnownFact) bool {
	by, _ := w.shownAt(r, x, e.At, w.shown)
	named := func(source uint8) bool {
		return slices.ContainsFunc(slices.Concat(shown(x.id), shown(by)), func(f *KnownFact) bool {
			return f.User.ID == e.User.ID && f.UserSource == source
		}) || w.omits(OneSource)
	}
	return slices.ContainsFunc(shown(x.id), func(f *KnownFact) bool {
		return f.User.ID != e.User.ID && f.At > e.At && f.At <= until && named(f.UserSource)
	}) && !w.omits(ShownSince)
}

// cleared reads "what clears clears always" of an end of a user: whoever came out late was
// shown instead, or since. It accuses nobody: whether an id continues another one does not
// depend on it.
// § Verdicts do not depend on delivery.
func (w *World) cleared(r *KnownFact, x ancestor, e *KnownFact, until int64) bool {
	if e.Kind != fact.EndedUser {
		return false
	}
	_, user := w.shownAt(r, x, e.At, w.everShown)
	return user != e.User.ID || w.shownSince(r, x, e, until, w.everShown)
}

// "A session on which more than max_users different users of one source were shown from
// r's latest authentication up to the next one is shared".
// § Shared ids.
func (w *World) shared(r *KnownFact) bool {
	users := map[uint8]map[fact.ID]bool{}
	for _, f := range w.everShown(r.Session.ID) {
		if !w.sameLogin(r, f) && !w.omits(SharedSince) {
			continue
		}
		source := f.UserSource
		if source != 0 && w.omits(SharedSource) {
			source = 0
		}
		if users[source] == nil {
			users[source] = map[fact.ID]bool{}
		}
		if users[source][f.User.ID] = true; w.cfg.MaxUsers > 0 && len(users[source]) > w.cfg.MaxUsers {
			return true
		}
	}
	return false
}

// named reads "a presented user is named in the finding and counts nowhere": the user whom
// the session showed last when r ended, else whom r presents.
func (w *World) named(r *KnownFact) (p fact.Pseudonym) {
	if user := w.showedLast(r, w.itself(r), max(r.At, r.End)); !user.IsZero() {
		for _, f := range w.Told {
			if f.User.ID == user {
				return Pseudonym(f.User.Raw)
			}
		}
	}
	copy(p[:], r.Details.User)
	return p
}
