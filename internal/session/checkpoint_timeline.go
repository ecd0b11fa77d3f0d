package session

import (
	"encoding/binary"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What a stored timeline has, by bits; the usual ones first, since they are
// written as one variable-length integer.
const (
	hasFirst = 1 << iota
	hasNewest
	hasFirstActivity
	hasIntervals
	hasPolicies
	hasRecent
	hasIdentities
	hasFirstStart
	hasAuthentications
	hasSampled
	hasReported
	hasEnds
	hasRotations
	hasLineage
	hasUnknownBefore
	hasLastInactiveStart
	hasNestedStarts
	hasLateStarts
	hasDroppedAuthentication
	hasRaised
	hasDirty
	hasSuspects
	hasPolicy // that governed the last request
	hasPseudonym
	hasRanks // of the lineage
	hasDeferred
	hasComeback
)

// appendTimeline appends all of t but what the table says of it: its id and its
// place.
func appendTimeline(buf []byte, t *timeline) []byte {
	var has uint64
	for _, x := range [...]struct {
		bit uint64
		set bool
	}{
		{hasFirst, t.first != unset},
		{hasNewest, t.newest != longAgo},
		{hasFirstActivity, t.firstActivity != unset},
		{hasIntervals, len(t.intervals) > 0},
		{hasPolicies, t.policies != 0},
		{hasPolicy, t.policy != fact.NoPolicy},
		{hasRecent, t.recent != 0 || t.facts != 0},
		{hasIdentities, len(t.identities) > 0},
		{hasFirstStart, t.firstStart != unset},
		{hasAuthentications, len(t.authentications) > 0},
		{hasSampled, t.sampled},
		{hasReported, t.reported},
		{hasEnds, len(t.ends) > 0},
		{hasRotations, len(t.rotations) > 0},
		{hasLineage, len(t.lineage) > 0},
		{hasUnknownBefore, t.unknownBefore != longAgo},
		{hasLastInactiveStart, t.lastInactiveStart != longAgo},
		{hasNestedStarts, len(t.nestedStarts) > 0},
		{hasLateStarts, len(t.lateStarts) > 0},
		{hasDroppedAuthentication, t.droppedAuthentication != 0},
		{hasRaised, len(t.raised) > 0},
		{hasDirty, t.dirty != 0},
		{hasSuspects, t.suspects != 0},
		{hasPseudonym, t.pseudonym != fact.Pseudonym{}},
		{hasRanks, len(t.lineage) > 0},
		{hasDeferred, t.deferred},
		{hasComeback, t.back.back},
	} {
		if x.set {
			has |= x.bit
		}
	}
	buf = binary.AppendUvarint(buf, has)
	if has&hasPseudonym != 0 {
		buf = append(buf, t.pseudonym[:]...)
	}
	buf = binary.AppendVarint(buf, t.lastArrival)
	base := t.lastArrival
	for _, x := range [...]struct {
		bit uint64
		at  int64
	}{
		{hasNewest, t.newest},
		{hasFirst, t.first},
		{hasFirstActivity, t.firstActivity},
		{hasFirstStart, t.firstStart},
		{hasUnknownBefore, t.unknownBefore},
		{hasLastInactiveStart, t.lastInactiveStart},
		{hasDroppedAuthentication, t.droppedAuthentication},
	} {
		if has&x.bit != 0 {
			buf = binary.AppendVarint(buf, x.at-base)
			base = x.at
		}
	}
	if has&hasComeback != 0 {
		buf = t.back.append(buf, base)
	}
	if has&hasPolicies != 0 {
		buf = binary.AppendUvarint(buf, t.policies)
	}
	if has&hasPolicy != 0 {
		buf = append(buf, t.policy)
	}
	if has&hasRecent != 0 {
		buf = binary.AppendUvarint(buf, t.recent)
		buf = binary.AppendUvarint(buf, uint64(t.facts))
	}
	if has&hasDirty != 0 {
		buf = append(buf, byte(t.dirty|t.review.again))
		buf = binary.AppendVarint(buf, t.dirtyAsOf()-t.lastArrival)
		buf = binary.AppendUvarint(buf, t.dirtyTurn)
	}
	if has&hasSuspects != 0 {
		buf = binary.AppendUvarint(buf, uint64(t.suspects))
	}
	base = t.newest
	if has&hasIntervals != 0 {
		buf = binary.AppendUvarint(buf, uint64(len(t.intervals)))
		for _, s := range slices.Backward(t.intervals) { // the last one ends where the session does
			buf = binary.AppendVarint(buf, base-s.end)
			buf = binary.AppendVarint(buf, s.end-s.start)
			buf = binary.AppendUvarint(buf, s.policies)
			base = s.start
		}
	}
	base = t.newest
	if has&hasNestedStarts != 0 {
		buf = binary.AppendUvarint(buf, uint64(len(t.nestedStarts)))
		for _, c := range t.nestedStarts {
			buf = binary.AppendVarint(buf, c.at-base)
			buf = binary.AppendUvarint(buf, c.policies)
			base = c.at
		}
	}
	for _, x := range [...]struct {
		bit  uint64
		list []int64
	}{{hasAuthentications, t.authentications}, {hasLateStarts, t.lateStarts}} {
		if has&x.bit != 0 {
			buf = appendInstants(buf, x.list, t.newest)
		}
	}
	for _, x := range [...]struct {
		bit  uint64
		list []ending
	}{{hasEnds, t.ends}, {hasRotations, t.rotations}, {hasRaised, t.raised}} {
		if has&x.bit != 0 {
			buf = appendEndings(buf, x.list, t.newest)
		}
	}
	base = t.newest
	if has&hasLineage != 0 {
		buf = binary.AppendUvarint(buf, uint64(len(t.lineage)))
		for _, r := range t.lineage {
			buf = binary.AppendVarint(buf, r.at-base)
			buf = wire.AppendUint128(buf, r.from)
			buf = binary.AppendUvarint(buf, r.effectiveSeq)
			buf = binary.BigEndian.AppendUint64(buf, r.rank)
			base = r.at
		}
	}
	base = t.newest
	if has&hasIdentities != 0 {
		buf = binary.AppendUvarint(buf, uint64(len(t.identities)))
		for _, i := range t.identities {
			buf = binary.AppendVarint(buf, i.at-base)
			buf = wire.AppendUint128(buf, i.user)
			base = i.at
		}
	}
	return buf
}

// timeline reads what appendTimeline wrote into t, whose slices it uses again;
// what the table says of t it leaves alone. After an error t holds nothing that
// can be relied on.
func readTimeline(d *wire.Decoder, t *timeline) error {
	has := d.Uvarint()
	t.pseudonym = fact.Pseudonym{}
	if has&hasPseudonym != 0 {
		d.Copy(t.pseudonym[:])
	}
	t.lastArrival = d.Varint()
	t.first, t.firstActivity, t.firstStart = unset, unset, unset
	t.newest, t.unknownBefore, t.lastInactiveStart, t.droppedAuthentication = longAgo, longAgo, longAgo, 0
	base := t.lastArrival
	for _, x := range [...]struct {
		bit uint64
		at  *int64
	}{
		{hasNewest, &t.newest},
		{hasFirst, &t.first},
		{hasFirstActivity, &t.firstActivity},
		{hasFirstStart, &t.firstStart},
		{hasUnknownBefore, &t.unknownBefore},
		{hasLastInactiveStart, &t.lastInactiveStart},
		{hasDroppedAuthentication, &t.droppedAuthentication},
	} {
		if has&x.bit != 0 {
			base = d.After(base)
			*x.at = base
		}
	}
	t.sampled, t.reported, t.deferred = has&hasSampled != 0, has&hasReported != 0, has&hasDeferred != 0
	t.policies, t.policy, t.recent, t.facts, t.dirty, t.dirtyTurn, t.dirtySince, t.suspects = 0, fact.NoPolicy, 0, 0, 0, 0, 0, 0
	t.back = comeback{}
	if has&hasComeback != 0 {
		t.back = readComeback(d, base)
	}
	if has&hasPolicies != 0 {
		t.policies = d.Uvarint()
	}
	if has&hasPolicy != 0 {
		t.policy = d.Byte()
	}
	if has&hasRecent != 0 {
		t.recent = d.Below(maxPosition)
		t.facts = uint32(d.Below(1 << 32))
	}
	if has&hasDirty != 0 {
		t.dirty = dirtyFlags(d.Byte())
		t.dirtySince = d.After(t.lastArrival)
		if d.Version >= 3 {
			t.dirtyTurn = d.Uvarint()
		}
	}
	if has&hasSuspects != 0 {
		t.suspects = uint32(d.Below(1 << 32))
	}
	base, t.intervals = t.newest, t.intervals[:0]
	if has&hasIntervals != 0 {
		n := d.Len(3)
		t.intervals = slices.Grow(t.intervals, n)[:n]
		for i := range slices.Backward(t.intervals) {
			end := base - d.Varint()
			start := end - d.Varint()
			t.intervals[i] = interval{start, end, d.Uvarint()}
			base = start
		}
	}
	base, t.nestedStarts = t.newest, t.nestedStarts[:0]
	if has&hasNestedStarts != 0 {
		for range d.Len(2) {
			base = d.After(base)
			t.nestedStarts = append(t.nestedStarts, nestedStart{base, d.Uvarint()})
		}
	}
	t.authentications, t.lateStarts = t.authentications[:0], t.lateStarts[:0]
	if has&hasAuthentications != 0 {
		t.authentications = readInstants(d, t.authentications, t.newest)
	}
	if has&hasLateStarts != 0 {
		t.lateStarts = readInstants(d, t.lateStarts, t.newest)
	}
	t.ends, t.rotations, t.raised = t.ends[:0], t.rotations[:0], t.raised[:0]
	if has&hasEnds != 0 {
		t.ends = readEndings(d, t.ends, t.newest)
	}
	if has&hasRotations != 0 {
		t.rotations = readEndings(d, t.rotations, t.newest)
	}
	if has&hasRaised != 0 {
		t.raised = readEndings(d, t.raised, t.newest)
	}
	base, t.lineage = t.newest, t.lineage[:0]
	if has&hasLineage != 0 {
		for range d.Len(18) {
			base = d.After(base)
			r := rotation{at: base, from: d.Uint128()}
			r.effectiveSeq = d.Uvarint()
			if has&hasRanks != 0 {
				r.rank = d.Uint64()
			}
			t.lineage = append(t.lineage, r)
		}
	}
	base, t.identities = t.newest, t.identities[:0]
	if has&hasIdentities != 0 {
		for range d.Len(17) {
			base = d.After(base)
			t.identities = append(t.identities, identity{base, d.Uint128()})
		}
	}
	if t.droppedAuthentication != 0 && len(t.authentications) == 0 { // the one that it was given up for
		d.Fail()
	}
	return d.End()
}

func appendInstants(buf []byte, list []int64, base int64) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(list)))
	for _, at := range list {
		buf = binary.AppendVarint(buf, at-base)
		base = at
	}
	return buf
}

func readInstants(d *wire.Decoder, list []int64, base int64) []int64 {
	for range d.Len(1) {
		base = d.After(base)
		list = append(list, base)
	}
	return list
}

// What a stored ending has, by bits.
const (
	endingEffectiveSeq = 1 << iota
	endingNextSeq
	endingOther
)

func appendEndings(buf []byte, list []ending, base int64) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(list)))
	for i := range list {
		x := &list[i]
		var has byte
		if x.effectiveSeq != 0 {
			has |= endingEffectiveSeq
		}
		if x.nextSeq != 0 || x.seq != 0 {
			has |= endingNextSeq
		}
		if !x.other.IsZero() {
			has |= endingOther
		}
		buf = append(binary.AppendVarint(buf, x.at-base), has)
		base = x.at
		buf = binary.AppendUvarint(buf, uint64(x.service))
		if has&endingEffectiveSeq != 0 {
			buf = binary.AppendUvarint(buf, x.effectiveSeq)
		}
		if has&endingNextSeq != 0 {
			buf = binary.AppendUvarint(buf, x.nextSeq)
			buf = binary.AppendUvarint(buf, x.seq)
		}
		if has&endingOther != 0 {
			buf = wire.AppendUint128(buf, x.other)
		}
	}
	return buf
}

func readEndings(d *wire.Decoder, list []ending, base int64) []ending {
	for range d.Len(3) {
		base = d.After(base)
		x, has := ending{at: base}, d.Byte()
		x.service = uint32(d.Below(1 << 32))
		if has&endingEffectiveSeq != 0 {
			x.effectiveSeq = d.Uvarint()
		}
		if has&endingNextSeq != 0 {
			x.nextSeq, x.seq = d.Uvarint(), d.Uvarint()
		}
		if has&endingOther != 0 {
			x.other = d.Uint128()
		}
		list = append(list, x)
	}
	return list
}
