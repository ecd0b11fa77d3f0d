package session

import (
	"encoding/binary"
	"iter"
	"reflect"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// heritage is what an id has from those that it continues, for one policy.
type heritage struct {
	// at is where the absolute clock of the root starts; unset: the id continues nothing.
	at    int64
	known bool  // a known start
	login int64 // the latest authentication; longAgo: none
	// firstIdentity is when the first of them showed a user, where that counts;
	// identified: a known start lies within the tolerance before it.
	firstIdentity int64
	identified    bool
	// heirUser is whom they showed last; of heirs those of that one say by which sources.
	// lateUser: whom they did by what came too late for the request, too. vague: before that
	// not all is known.
	heirUser fact.ID
	lateUser fact.ID
	heirs    []identity
	vague    bool
	// ends held for one of them when it was rotated more than the tolerance later.
	ends []heldEnd
	// links are the larger sessions that they named; moreLinks: and others,
	// whose ends are missed, which is counted.
	links     []heldLink
	moreLinks bool
	// line are those, the nearest last, where an end of a user may spare them; cut: not all.
	line []fact.ID
	cut  bool
	// unknownBefore: what was known before this of one of them may have been thrown away.
	unknownBefore int64
	// unidentified: it would continue the one before if the same user had been shown, and
	// that one showed none. What is kept then is what it has if it does.
	unidentified bool
}

// heldLink is a larger session that an ancestor named: an end of that one binds which came
// at from or later, and before to, when one of them authenticated.
type heldLink struct {
	id       fact.ID
	from, to int64
}

// maxHeldLinks bounds those that are kept.
const maxHeldLinks = 2 * maxLinks

// noHeritage is what an id inherits that continues none.
var noHeritage = heritage{at: unset, login: longAgo, firstIdentity: unset, unknownBefore: longAgo}

// heldEnd is an end that held for an ancestor.
type heldEnd struct {
	at      int64
	typ     fact.Type
	service uint32
	doubt   string
	cleared bool // by what came late: it ends nobody, and holds all the same
}

// maxHeldEnds bounds those that are kept: the last ones may outlive a login.
const maxHeldEnds = 8

// kept is what is kept of h beside the sessions that it is of.
func (h heritage) kept() heritage {
	var heirs []identity
	for _, i := range h.heirs {
		if sameUser(i.user, h.heirUser) && !slices.ContainsFunc(heirs, func(o identity) bool { return o.source == i.source }) {
			heirs = append(heirs, identity{user: h.heirUser, source: i.source})
		}
	}
	h.heirs, h.line, h.cut = heirs, nil, h.at != unset
	h.ends = slices.Clone(h.ends[max(len(h.ends)-maxHeldEnds, 0):])
	return h
}

// same reports whether two that are kept are equal.
func (h *heritage) same(o *heritage) bool {
	a, b := *h, *o
	a.heirs, a.ends, a.links, b.heirs, b.ends, b.links = nil, nil, nil, nil, nil, nil
	return reflect.DeepEqual(a, b) && slices.Equal(h.heirs, o.heirs) && slices.Equal(h.ends, o.ends) && slices.Equal(h.links, o.links)
}

// legacy is what a session inherits by one rotation, as far as is known of those that it is
// of: they may have been thrown away, or be too many.
type legacy struct {
	from fact.ID
	at   int64
	all  []heritage // by policy, or one for all
	// effectiveSeq: some of it counts for none that came before, see ending.effectiveSeq.
	effectiveSeq uint64
}

// has reports whether it has id, the user whom what t was rotated from showed, or a larger
// session that it named.
func (l *legacy) has(id fact.ID) bool {
	for have := range l.ids() {
		if sameUser(have, id) {
			return true
		}
	}
	return false
}

// ids are those whose ends have to find it, each at least once.
func (l *legacy) ids() iter.Seq[fact.ID] {
	return func(yield func(fact.ID) bool) {
		for i := range l.all {
			h := &l.all[i]
			if !h.heirUser.IsZero() && !yield(h.heirUser) {
				return
			}
			for _, link := range h.links {
				if !yield(link.id) {
					return
				}
			}
		}
	}
}

// own are ids, each once, but for those that t shows or names itself.
func (l *legacy) own(t *timeline) iter.Seq[fact.ID] {
	return func(yield func(fact.ID) bool) {
		var seen []fact.ID
		for id := range l.ids() {
			known := func(have fact.ID) bool { return sameUser(have, id) }
			if t.shows(id) || t.names(id) || slices.ContainsFunc(seen, known) {
				continue
			}
			if seen = append(seen, id); !yield(id) {
				return
			}
		}
	}
}

// of returns what was inherited by r for a policy, and false if that is not known; assumed:
// as if the id continued the one before.
func (l *legacy) of(r *rotation, policy uint8, assumed bool) (h heritage, ok bool) {
	if len(l.all) == 1 {
		policy = 0
	}
	if int(policy) >= len(l.all) || l.from != r.from || l.at != r.at {
		return noHeritage, false
	}
	h = l.all[policy]
	switch {
	case assumed:
		ok, h.unidentified = h.at != unset, false
		return h, ok
	case h.unidentified:
		h = noHeritage
		h.unidentified = true
	}
	return h, true
}

// lacksSource reports whether it has the user of i, and not that the source of i named that one.
func (l *legacy) lacksSource(i identity) bool {
	return slices.ContainsFunc(l.all, func(h heritage) bool {
		return sameUser(h.heirUser, i.user) && !slices.ContainsFunc(h.heirs, func(have identity) bool { return sameSource(have.source, i.source) })
	})
}

// doubt says that all of it may be otherwise.
func (l *legacy) doubt() {
	l.all = slices.Clone(l.all)
	for i := range l.all {
		l.all[i].unknownBefore = unset
	}
}

// What a stored ending has, by bits.
const (
	endingEffectiveSeq = 1 << iota
	endingSeq
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
		if x.seq != 0 {
			has |= endingSeq
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
		if has&endingSeq != 0 {
			buf = binary.AppendUvarint(buf, x.seq+1) // of the fact behind it, as it was stored once
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
		if has&endingSeq != 0 {
			_, x.seq = d.Uvarint(), d.Uvarint()
		}
		if has&endingOther != 0 {
			x.other = d.Uint128()
		}
		list = append(list, x)
	}
	return list
}

func (b *comeback) append(buf []byte, base int64) []byte {
	var has byte
	for _, x := range [...]struct {
		bit byte
		set bool
	}{
		{comebackLost, b.lost},
		{comebackUnsure, b.unsure},
		{comebackEnd, b.end != 0},
		{comebackLast, b.last != 0},
		{comebackSeen, b.seen != longAgo},
		{comebackLogin, b.login},
	} {
		if x.set {
			has |= x.bit
		}
	}
	buf = append(buf, has)
	if b.end != 0 {
		buf = binary.AppendVarint(append(buf, byte(b.typ)), b.end-base)
		buf = binary.AppendUvarint(buf, uint64(b.service))
	}
	if b.last != 0 {
		buf = binary.AppendVarint(binary.AppendVarint(buf, b.first-base), b.last-base)
	}
	if b.seen != longAgo {
		buf = binary.AppendVarint(buf, b.seen-base)
	}
	return buf
}

func readComeback(d *wire.Decoder, base int64) (b comeback) {
	has := d.Byte()
	b.back, b.login, b.lost, b.unsure, b.seen = true, has&comebackLogin != 0, has&comebackLost != 0, has&comebackUnsure != 0, longAgo
	if has&comebackEnd != 0 {
		b.typ = fact.Type(d.Below(uint64(fact.TypeCount)))
		b.end = d.After(base)
		b.service = uint32(d.Below(1 << 32))
	}
	if has&comebackLast != 0 {
		b.first, b.last = d.After(base), d.After(base)
	}
	if has&comebackSeen != 0 {
		b.seen = d.After(base)
	}
	return b
}

// What a stored comeback has.
const (
	comebackLost = 1 << iota
	comebackUnsure
	comebackEnd
	comebackLast
	comebackSeen
	comebackLogin
)

// What a stored heritage has.
const (
	heritageAt = 1 << iota
	heritageKnown
	heritageLogin
	heritageIdentity
	heritageIdentified
	heritageUser
	heritageVague
	heritageUnidentified
	heritageUnknownBefore
	heritageLinks
	heritageMoreLinks
)

func (l *legacy) append(buf []byte, base int64) []byte {
	buf = binary.AppendVarint(wire.AppendUint128(buf, l.from), l.at-base)
	buf = binary.AppendUvarint(buf, uint64(len(l.all)))
	for i := range l.all {
		h, has := &l.all[i], uint64(0)
		for bit, set := range [...]bool{
			h.at != unset, h.known, h.login != longAgo, h.firstIdentity != unset, h.identified, !h.heirUser.IsZero(), h.vague, h.unidentified,
			h.unknownBefore != longAgo, len(h.links) > 0, h.moreLinks,
		} {
			if set {
				has |= 1 << bit
			}
		}
		buf = binary.AppendUvarint(buf, has)
		for _, x := range [...]struct {
			bit uint64
			at  int64
		}{{heritageAt, h.at}, {heritageLogin, h.login}, {heritageIdentity, h.firstIdentity}, {heritageUnknownBefore, h.unknownBefore}} {
			if has&x.bit != 0 {
				buf = binary.AppendVarint(buf, x.at-base)
			}
		}
		if has&heritageUser != 0 {
			buf = binary.AppendUvarint(wire.AppendUint128(buf, h.heirUser), uint64(len(h.heirs)))
			for _, who := range h.heirs {
				buf = append(buf, who.source)
			}
		}
		if has&heritageLinks != 0 {
			buf = binary.AppendUvarint(buf, uint64(len(h.links)))
			for _, l := range h.links {
				buf = binary.AppendVarint(binary.AppendVarint(wire.AppendUint128(buf, l.id), l.from-base), l.to-base)
			}
		}
		buf = binary.AppendUvarint(buf, uint64(len(h.ends)))
		for _, end := range h.ends {
			buf = binary.AppendVarint(append(buf, byte(end.typ)), end.at-base)
			buf = wire.AppendText(binary.AppendUvarint(buf, uint64(end.service)), end.doubt)
		}
	}
	return buf
}

func readLegacy(d *wire.Decoder, base int64) (l legacy) {
	l.from, l.at = d.Uint128(), d.After(base)
	for range d.Len(2) {
		h, has := noHeritage, d.Uvarint()
		h.known, h.identified, h.vague = has&heritageKnown != 0, has&heritageIdentified != 0, has&heritageVague != 0
		h.unidentified, h.cut, h.moreLinks = has&heritageUnidentified != 0, has&heritageAt != 0, has&heritageMoreLinks != 0
		for _, x := range [...]struct {
			bit uint64
			at  *int64
		}{{heritageAt, &h.at}, {heritageLogin, &h.login}, {heritageIdentity, &h.firstIdentity}, {heritageUnknownBefore, &h.unknownBefore}} {
			if has&x.bit != 0 {
				*x.at = d.After(base)
			}
		}
		if has&heritageUser != 0 {
			h.heirUser = d.Uint128()
			h.lateUser = h.heirUser
			for range d.Len(1) {
				h.heirs = append(h.heirs, identity{user: h.heirUser, source: d.Byte()})
			}
		}
		if has&heritageLinks != 0 {
			for range d.Len(18) {
				h.links = append(h.links, heldLink{d.Uint128(), d.After(base), d.After(base)})
			}
		}
		for range d.Len(4) {
			end := heldEnd{typ: fact.Type(d.Below(uint64(fact.TypeCount))), at: d.After(base)}
			end.service, end.doubt = uint32(d.Below(1<<32)), d.Text()
			h.ends = append(h.ends, end)
		}
		l.all = append(l.all, h)
	}
	return l
}
