package session

import (
	"encoding/binary"

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
	hasShownFrom
	hasLinks
	hasMoreLinks
	hasLegacy
	hasFirstBeside
	hasEffective // what came late, from when on that counts
	hasEvictedAncestors
)

// hasPlain is what an entry can stand for, see [entry.isPlain]: whoever adds a field
// need not know of entries.
const hasPlain = hasFirst | hasNewest | hasFirstActivity | hasIntervals | hasPolicies | hasRecent |
	hasSampled | hasReported | hasUnknownBefore | hasPolicy | hasPseudonym

// timelineField is one field of a stored timeline. Fields are written in the order of
// timelineFields, those that are set. What is not written is what [timeline.empty]
// says. A new field is one more of them, with the next bit.
type timelineField struct {
	bit   uint64
	isSet func(t *timeline) bool
	write func(w *timelineWriter, t *timeline)
	read  func(d *timelineReader, t *timeline)
}

// timelineWriter writes one timeline.
type timelineWriter struct {
	buf  []byte
	last int64 // the instant that was written last, from which the next is a distance
}

// timelineReader reads one timeline.
type timelineReader struct {
	*wire.Decoder
	has  uint64
	last int64
}

// timelineFields are all fields of a timeline but what the table says of it: its id
// and its place.
var timelineFields = [...]timelineField{
	{
		hasPseudonym,
		func(t *timeline) bool { return t.pseudonym != fact.Pseudonym{} },
		func(w *timelineWriter, t *timeline) { w.buf = append(w.buf, t.pseudonym[:]...) },
		func(d *timelineReader, t *timeline) { d.Copy(t.pseudonym[:]) },
	},
	{
		^uint64(0),
		nil, // always
		func(w *timelineWriter, t *timeline) { w.instant(t.lastArrival) },
		func(d *timelineReader, t *timeline) { t.lastArrival = d.instant() },
	},
	instantField(hasNewest, longAgo, func(t *timeline) *int64 { return &t.newest }),
	instantField(hasFirst, unset, func(t *timeline) *int64 { return &t.first }),
	instantField(hasFirstBeside, unset, func(t *timeline) *int64 { return &t.firstBeside }),
	instantField(hasFirstActivity, unset, func(t *timeline) *int64 { return &t.firstActivity }),
	instantField(hasFirstStart, unset, func(t *timeline) *int64 { return &t.firstStart }),
	instantField(hasUnknownBefore, longAgo, func(t *timeline) *int64 { return &t.unknownBefore }),
	instantField(hasLastInactiveStart, longAgo, func(t *timeline) *int64 { return &t.lastInactiveStart }),
	instantField(hasShownFrom, longAgo, func(t *timeline) *int64 { return &t.shownFrom }),
	instantField(hasDroppedAuthentication, 0, func(t *timeline) *int64 { return &t.droppedAuthentication }),
	{
		hasComeback,
		func(t *timeline) bool { return t.back.back },
		func(w *timelineWriter, t *timeline) { w.buf = t.back.append(w.buf, w.last) },
		func(d *timelineReader, t *timeline) { t.back = readComeback(d.Decoder, d.last) },
	},
	flagField(hasReported, func(t *timeline) *bool { return &t.reported }),
	flagField(hasDeferred, func(t *timeline) *bool { return &t.deferred }),
	{
		hasPolicies,
		func(t *timeline) bool { return t.policies != 0 },
		func(w *timelineWriter, t *timeline) { w.uvarint(t.policies) },
		func(d *timelineReader, t *timeline) { t.policies = d.Uvarint() },
	},
	{
		hasPolicy,
		func(t *timeline) bool { return t.policy != fact.NoPolicy },
		func(w *timelineWriter, t *timeline) { w.buf = append(w.buf, t.policy) },
		func(d *timelineReader, t *timeline) { t.policy = d.Byte() },
	},
	{
		hasRecent,
		func(t *timeline) bool { return t.recent != 0 || t.facts != 0 },
		func(w *timelineWriter, t *timeline) {
			w.uvarint(t.recent)
			w.uvarint(uint64(t.facts))
		},
		func(d *timelineReader, t *timeline) {
			t.recent, t.facts = d.Below(maxPosition), uint32(d.Below(1<<32))
		},
	},
	{
		hasDirty,
		func(t *timeline) bool { return t.dirty != 0 },
		func(w *timelineWriter, t *timeline) {
			w.buf = append(w.buf, byte(t.dirty|t.review.again))
			w.varint(t.dirtyAsOf() - t.lastArrival)
			w.uvarint(t.dirtyTurn)
		},
		func(d *timelineReader, t *timeline) {
			t.dirty, t.dirtySince = dirtyFlags(d.Byte()), d.After(t.lastArrival)
			if d.Version >= 3 {
				t.dirtyTurn = d.Uvarint()
			}
		},
	},
	{
		hasSuspects,
		func(t *timeline) bool { return t.suspects != 0 },
		func(w *timelineWriter, t *timeline) { w.uvarint(uint64(t.suspects)) },
		func(d *timelineReader, t *timeline) { t.suspects = uint32(d.Below(1 << 32)) },
	},
	{
		hasIntervals,
		func(t *timeline) bool { return len(t.intervals) > 0 },
		func(w *timelineWriter, t *timeline) { w.buf = appendIntervals(w.buf, t.intervals, t.newest) },
		func(d *timelineReader, t *timeline) { t.intervals = readIntervals(d.Decoder, t.intervals, t.newest) },
	},
	{
		hasNestedStarts,
		func(t *timeline) bool { return len(t.nestedStarts) > 0 },
		func(w *timelineWriter, t *timeline) {
			w.list(len(t.nestedStarts), t.newest)
			for _, s := range t.nestedStarts {
				w.instant(s.at)
				w.uvarint(s.policies)
			}
		},
		func(d *timelineReader, t *timeline) {
			for range d.list(2, t.newest) {
				t.nestedStarts = append(t.nestedStarts, nestedStart{d.instant(), d.Uvarint()})
			}
		},
	},
	instantsField(hasAuthentications, func(t *timeline) *[]int64 { return &t.authentications }),
	{
		hasSampled,
		func(t *timeline) bool { return len(t.sampled) > 0 },
		func(w *timelineWriter, t *timeline) { w.instants(t.sampled, t.newest) },
		func(d *timelineReader, t *timeline) {
			if d.Version >= 3 {
				t.sampled = d.instants(t.sampled, t.newest)
			} else { // it was known of none of its logins
				t.sampled = append(append(t.sampled, longAgo), t.authentications...)
			}
		},
	},
	{
		hasLateStarts,
		func(t *timeline) bool { return len(t.lateStarts) > 0 },
		func(w *timelineWriter, t *timeline) { w.buf = appendEndings(w.buf, t.lateStarts, t.newest) },
		func(d *timelineReader, t *timeline) {
			if d.Version >= 3 {
				t.lateStarts = readEndings(d.Decoder, t.lateStarts, t.newest)
				return
			}
			for range d.list(1, t.newest) {
				t.lateStarts = append(t.lateStarts, ending{at: d.instant(), effectiveSeq: afterAll})
			}
		},
	},
	endingsField(hasEnds, func(t *timeline) *[]ending { return &t.ends }),
	endingsField(hasRotations, func(t *timeline) *[]ending { return &t.rotations }),
	endingsField(hasRaised, func(t *timeline) *[]ending { return &t.raised }),
	{
		hasLineage,
		func(t *timeline) bool { return len(t.lineage) > 0 },
		func(w *timelineWriter, t *timeline) {
			w.list(len(t.lineage), t.newest)
			for i := range t.lineage {
				r := &t.lineage[i]
				w.instant(r.at)
				w.buf = wire.AppendUint128(w.buf, r.from)
				w.uvarint(r.effectiveSeq)
				w.buf = binary.BigEndian.AppendUint64(w.buf, r.rank)
			}
		},
		func(d *timelineReader, t *timeline) {
			for range d.list(18, t.newest) {
				r := rotation{at: d.instant(), from: d.Uint128()}
				r.effectiveSeq = d.Uvarint()
				if d.has&hasRanks != 0 {
					r.rank = d.Uint64()
				}
				t.lineage = append(t.lineage, r)
			}
		},
	},
	{
		hasLegacy,
		func(t *timeline) bool { return len(t.legacy.all) > 0 },
		func(w *timelineWriter, t *timeline) { w.buf = t.legacy.append(w.buf, t.newest) },
		func(d *timelineReader, t *timeline) { t.legacy = readLegacy(d.Decoder, t.newest) },
	},
	{hasRanks, func(t *timeline) bool { return len(t.lineage) > 0 }, nil, nil},
	identitiesField(hasIdentities, func(t *timeline) *[]identity { return &t.identities }, true),
	identitiesField(hasLinks, func(t *timeline) *[]identity { return &t.links }, false),
	{
		hasEffective,
		func(t *timeline) bool { return t.showedLate() || t.legacy.effectiveSeq > 0 },
		func(w *timelineWriter, t *timeline) {
			for seq := range t.effectiveSeqs() {
				w.uvarint(*seq)
			}
		},
		func(d *timelineReader, t *timeline) {
			for seq := range t.effectiveSeqs() {
				*seq = d.Uvarint()
			}
		},
	},
	flagField(hasMoreLinks, func(t *timeline) *bool { return &t.moreLinks }),
	evictedAncestorsField(hasEvictedAncestors),
}

// fields returns what is set of t, by bits.
func (t *timeline) fields() (has uint64) {
	for i := range timelineFields {
		if f := &timelineFields[i]; f.isSet != nil && f.isSet(t) {
			has |= f.bit
		}
	}
	return has
}

// appendTimeline appends all of t but what the table says of it, has being its fields.
func appendTimeline(buf []byte, t *timeline, has uint64) []byte {
	w := timelineWriter{buf: binary.AppendUvarint(buf, has)}
	for i := range timelineFields {
		if f := &timelineFields[i]; has&f.bit != 0 || f.isSet == nil {
			if f.write != nil {
				f.write(&w, t)
			}
		}
	}
	return w.buf
}

// readTimeline reads what appendTimeline wrote into t, whose slices it uses again;
// what the table says of t it leaves alone. After an error t holds nothing that can be
// relied on.
func readTimeline(from *wire.Decoder, t *timeline) error {
	shard, place := t.shard, t.place
	t.empty(t.id, t.slot)
	t.shard, t.place = shard, place
	d := timelineReader{Decoder: from, has: from.Uvarint()}
	for i := range timelineFields {
		if f := &timelineFields[i]; d.has&f.bit != 0 || f.isSet == nil {
			if f.read != nil {
				f.read(&d, t)
			}
		}
	}
	if t.droppedAuthentication != 0 && len(t.authentications) == 0 { // the one that it was given up for
		d.Fail()
	}
	return d.End()
}

func (w *timelineWriter) uvarint(v uint64) { w.buf = binary.AppendUvarint(w.buf, v) }
func (w *timelineWriter) varint(v int64)   { w.buf = binary.AppendVarint(w.buf, v) }

// instant writes the distance from the instant that was written before.
func (w *timelineWriter) instant(at int64) {
	w.varint(at - w.last)
	w.last = at
}

// list begins a list of n, whose first instant is a distance from base.
func (w *timelineWriter) list(n int, base int64) {
	w.uvarint(uint64(n))
	w.last = base
}

func (d *timelineReader) instant() int64 {
	d.last = d.After(d.last)
	return d.last
}

// list reads how many there are, each of size bytes at least.
func (d *timelineReader) list(size int, base int64) (n int) {
	d.last = base
	return d.Len(size)
}

func (w *timelineWriter) instants(list []int64, base int64) {
	w.list(len(list), base)
	for _, at := range list {
		w.instant(at)
	}
}

func (d *timelineReader) instants(list []int64, base int64) []int64 {
	for range d.list(1, base) {
		list = append(list, d.instant())
	}
	return list
}

// instantField is an instant that is otherwise.
func instantField(bit uint64, otherwise int64, of func(t *timeline) *int64) timelineField {
	return timelineField{
		bit,
		func(t *timeline) bool { return *of(t) != otherwise },
		func(w *timelineWriter, t *timeline) { w.instant(*of(t)) },
		func(d *timelineReader, t *timeline) { *of(t) = d.instant() },
	}
}

// flagField is a bit alone.
func flagField(bit uint64, of func(t *timeline) *bool) timelineField {
	return timelineField{bit, func(t *timeline) bool { return *of(t) }, nil, func(_ *timelineReader, t *timeline) { *of(t) = true }}
}

func instantsField(bit uint64, of func(t *timeline) *[]int64) timelineField {
	return timelineField{
		bit,
		func(t *timeline) bool { return len(*of(t)) > 0 },
		func(w *timelineWriter, t *timeline) { w.instants(*of(t), t.newest) },
		func(d *timelineReader, t *timeline) { *of(t) = d.instants(*of(t), t.newest) },
	}
}

// identitiesField is a list of those, with what named them or without.
func identitiesField(bit uint64, of func(t *timeline) *[]identity, sources bool) timelineField {
	return timelineField{
		bit,
		func(t *timeline) bool { return len(*of(t)) > 0 },
		func(w *timelineWriter, t *timeline) {
			w.list(len(*of(t)), t.newest)
			for _, i := range *of(t) {
				w.instant(i.at)
				if w.buf = wire.AppendUint128(w.buf, i.user); sources {
					w.buf = append(w.buf, i.source)
				}
			}
		},
		func(d *timelineReader, t *timeline) {
			for range d.list(17, t.newest) {
				i := identity{at: d.instant(), user: d.Uint128()}
				switch {
				case sources && d.Version < 3:
					i.source = anySource
				case sources:
					i.source = d.Byte()
				}
				*of(t) = append(*of(t), i)
			}
		},
	}
}

func endingsField(bit uint64, of func(t *timeline) *[]ending) timelineField {
	return timelineField{
		bit,
		func(t *timeline) bool { return len(*of(t)) > 0 },
		func(w *timelineWriter, t *timeline) { w.buf = appendEndings(w.buf, *of(t), t.newest) },
		func(d *timelineReader, t *timeline) { *of(t) = readEndings(d.Decoder, *of(t), t.newest) },
	}
}
