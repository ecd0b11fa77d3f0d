package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// maxRebuild bounds the recent facts that a session is read again from.
const maxRebuild = 1536

// rebuild reads t again from the recent facts, after one of them turned out to
// say something else than it seemed to: a log record whose span came later, a
// request whose second record was rejected, one that lies in an exempt one.
// Where not all of t's facts can be reached any more, what may be of those stays
// as it is, which can only keep a session alive too long.
func (e *Engine) rebuild(t *timeline) {
	ring := &t.shard.recent
	var reach uint32
	for r := ring.at(t.recent); r != nil && r.session == t.id && reach < maxRebuild; r = ring.at(r.ofSession) {
		reach++
	}
	e.spend(2 * int(reach))
	gone := ring.gone
	if reach == maxRebuild && t.facts > maxRebuild { // nor is known where those end that are not read
		gone = t.newest
		e.stats.lost++
	}
	complete := reach == t.facts && reach < maxFacts
	active, identities := slices.Clone(t.intervals), slices.Clone(t.identities)
	t.intervals, t.nestedStarts = t.intervals[:0], t.nestedStarts[:0]
	if complete {
		t.first, t.firstActivity, t.lastInactiveStart, t.sampled = unset, unset, longAgo, false
		identities, t.shownFrom = identities[:0], longAgo
	} else {
		if oneUser(identities) { // who may have been shown after each login that was so long ago
			for _, at := range t.authentications {
				if at > identities[0].at && at <= gone {
					identities = append(identities, identity{at, identities[0].user, identities[0].source})
				}
			}
		}
		for _, a := range active {
			if a.start <= gone || t.back.back && a.start <= t.unknownBefore {
				t.intervals.add(a.start, a.end, a.policies, e.gap, longAgo)
			}
		}
	}
	// Read without identities: they are put in order once, in the end.
	r := ring.at(t.recent)
	for ; reach > 0; r, reach = ring.at(r.ofSession), reach-1 {
		if !r.isEvidence() {
			continue
		}
		if r.shows() {
			identities = append(identities, identity{r.At, r.user, r.userSource})
		}
		q := *r
		q.user = fact.ID{}
		q.state |= decided // what is only read again changes no count
		if r.kind == fact.Request {
			e.apply(t, &q)
		} else {
			e.applyEvent(t, &q)
		}
	}
	for i := range t.rotations {
		if t.rotations[i].effectiveSeq == 0 {
			t.first = min(t.first, t.rotations[i].at)
		}
	}
	first, showed := firstShown(t.identities)
	e.setIdentities(t, identities)
	if now, shows := firstShown(t.identities); now != first || shows != showed {
		e.markParents(t, t.lineage, t.dirtyAsOf())
	}
}
