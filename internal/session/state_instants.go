package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// maxInstants bounds each list of a session's or user's instants.
const maxInstants = 64

// ending is an instant at which a session, or all sessions of a user, ended.
type ending struct {
	at      int64
	service uint32 // who reported it: an index in services.names
	// effectiveSeq: an end that came later than the reorder window binds only the
	// requests that arrived behind it. 0: for all.
	effectiveSeq uint64
	// nextSeq is the order that the next fact had when it came, order its own.
	nextSeq, seq uint64
	other        fact.ID // the id rotated to, or the session that is spared
}

// addEnding joins e to a sorted list. It reports whether the list changed and
// how many endings were given up to keep the list bounded.
func addEnding(list []ending, e ending) (_ []ending, changed bool, lost int) {
	i, found := slices.BinarySearchFunc(list, e, compareEnding)
	if found {
		if list[i].effectiveSeq <= e.effectiveSeq {
			return list, false, 0
		}
		list[i].effectiveSeq = e.effectiveSeq
		return list, true, 0
	}
	list = slices.Insert(list, i, e)
	if len(list) > maxInstants {
		// The first is what a session died of; the last ones may bind after
		// an authentication.
		list = slices.Delete(list, len(list)/2, len(list)/2+1)
		lost = 1
	}
	return list, true, lost
}

func compareEnding(a, b ending) int {
	return cmp.Or(
		cmp.Compare(a.at, b.at), cmp.Compare(a.service, b.service),
		cmp.Compare(a.other[0], b.other[0]), cmp.Compare(a.other[1], b.other[1]))
}

// addInstant joins at to a sorted list of instants.
func addInstant(list []int64, at int64) (_ []int64, changed bool, lost int) {
	i, found := slices.BinarySearch(list, at)
	if found {
		return list, false, 0
	}
	list = slices.Insert(list, i, at)
	if len(list) > maxInstants {
		list = slices.Delete(list, 0, 1)
		lost = 1
	}
	return list, true, lost
}

// latest returns the last instant of a sorted list that is not after at.
func latest(list []int64, at int64) (int64, bool) {
	for _, l := range slices.Backward(list) {
		if l <= at {
			return l, true
		}
	}
	return 0, false
}

// maxIdentities bounds the users that one session is known to have shown.
const maxIdentities = 16

// identity is a user that a session showed.
type identity struct {
	at   int64
	user fact.ID
}

// addIdentities joins who to a sorted list and keeps the first of each run of
// one user. What is left out of it is why a session with several users is read
// again from the recent facts when one is added.
func addIdentities(list []identity, who ...identity) []identity {
	list = append(list, who...)
	slices.SortFunc(list, func(a, b identity) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.user[0], b.user[0]), cmp.Compare(a.user[1], b.user[1]))
	})
	// Of several at one instant the last holds.
	kept := list[:0]
	for i, w := range list {
		if i+1 < len(list) && list[i+1].at == w.at {
			continue
		}
		if n := len(kept); n > 0 && kept[n-1].user == w.user {
			continue
		}
		kept = append(kept, w)
	}
	if n := len(kept); n > maxIdentities {
		kept = slices.Delete(kept, 1, 1+n-maxIdentities)
	}
	return kept
}

// identityAt returns whom the list shows last at or before at.
func identityAt(list []identity, at int64) (fact.ID, bool) {
	for _, l := range slices.Backward(list) {
		if l.at <= at {
			return l.user, true
		}
	}
	return fact.ID{}, false
}
