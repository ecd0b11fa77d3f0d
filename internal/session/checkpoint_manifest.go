package session

import (
	"encoding/binary"
	"fmt"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// manifest says what else is stored. It is stored last, and read first.
type manifest struct {
	keyID    [16]byte
	at       int64
	policies []manifestPolicy

	observed, ringLimit       uint64
	restarted, tombstoneFloor int64
	tombstoneSlots            int // of an older version's tombstones; else 0
	authenticated             uint64
	watched                   []int64 // of each policy, since version 3
	blinds                    blinds

	shards []manifestShard
	ranges [kindCount][]chunkRange
}

// manifestPolicy is what a manifest says of one policy: what it is called, and what of it
// sessions were compacted by, see [timeline.ordinary].
type manifestPolicy struct {
	name            string
	idle, tolerance int64
	inclusive       bool
}

// manifestPolicies returns what a manifest says of all.
func manifestPolicies(all []Policy) (list []manifestPolicy) {
	for i := range all {
		p := &all[i]
		list = append(list, manifestPolicy{p.Name, int64(p.IdleTimeout), int64(p.Tolerance), p.Inclusive})
	}
	return list
}

// manifestShard is what a manifest says of one shard: the positions of the next recent fact
// to be decided and of the next to come, how many sessions there are, how many
// slots they are in, and since version 3 the latest end of what gave up its place
// among the recent facts.
type manifestShard struct {
	cursor, next, sessions, slots uint64
	gone                          int64
}

func (h *manifest) append(b []byte) []byte {
	b = append(b, h.keyID[:]...)
	b = binary.AppendVarint(b, h.at)
	b = binary.AppendUvarint(b, uint64(len(h.policies)))
	for _, p := range h.policies {
		b = binary.AppendVarint(binary.AppendVarint(wire.AppendText(b, p.name), p.idle), p.tolerance)
		b = wire.AppendBool(b, p.inclusive)
	}
	for _, v := range [...]uint64{h.observed, h.ringLimit, uint64(h.tombstoneSlots), h.authenticated} {
		b = binary.AppendUvarint(b, v)
	}
	for _, since := range h.watched {
		b = binary.AppendVarint(b, since)
	}
	b = binary.AppendUvarint(b, uint64(len(h.shards)))
	for _, l := range h.shards {
		for _, v := range [...]uint64{l.cursor, l.next, l.sessions, l.slots} {
			b = binary.AppendUvarint(b, v)
		}
		b = binary.AppendVarint(b, l.gone)
	}
	b = binary.AppendVarint(b, h.restarted)
	b = binary.AppendVarint(b, h.tombstoneFloor)
	b = binary.AppendUvarint(b, uint64(len(h.blinds)))
	for _, x := range h.blinds {
		b = wire.AppendText(binary.AppendVarint(binary.AppendVarint(b, x.from), x.to), x.reason)
	}
	b = binary.AppendUvarint(b, uint64(kindCount))
	for _, kind := range storedKinds {
		ranges := h.ranges[kind]
		b = binary.AppendUvarint(b, uint64(len(ranges)))
		for i := range ranges {
			b = binary.AppendUvarint(b, uint64(len(ranges[i].deltas)))
			for _, l := range ranges[i].deltas {
				b = binary.AppendUvarint(append(b, l.copy), uint64(len(l.parts)))
				for _, sum := range l.parts {
					b = binary.LittleEndian.AppendUint32(b, sum)
				}
			}
		}
	}
	return b
}

// readManifest reads what append wrote. An older version may have known fewer kinds.
func readManifest(d *wire.Decoder) (h manifest, err error) {
	d.Copy(h.keyID[:])
	h.at = d.Varint()
	for range d.Len(4) {
		h.policies = append(h.policies, manifestPolicy{d.Text(), d.Varint(), d.Varint(), d.Bool()})
	}
	h.observed, h.ringLimit = d.Uvarint(), d.Below(maxPosition)
	h.tombstoneSlots = int(d.Below(1 << 32))
	h.authenticated = d.Uvarint()
	for range h.policies {
		if d.Version >= 3 {
			h.watched = append(h.watched, d.Varint())
		} else {
			h.watched = append(h.watched, h.at)
		}
	}
	for range d.Len(4) {
		l := manifestShard{d.Below(maxPosition), d.Below(maxPosition), d.Below(compact.MaxSlots + 1), d.Below(compact.MaxSlots + 1), longAgo}
		if d.Version >= 3 {
			l.gone = d.Varint()
		}
		h.shards = append(h.shards, l)
	}
	h.restarted, h.tombstoneFloor = d.Varint(), d.Varint()
	for range d.Len(3) {
		h.blinds = append(h.blinds, blindInterval{d.Varint(), d.Varint(), d.Text()})
	}
	for _, kind := range storedKinds[:d.Below(uint64(kindCount)+1)] {
		for range d.Len(1) {
			h.ranges[kind] = append(h.ranges[kind], readChunkRange(d))
		}
	}
	for _, l := range h.shards {
		if l.next == 0 {
			d.Fail()
		}
	}
	if len(h.shards) == 0 || len(h.shards) > maxShards || h.ringLimit == 0 || len(h.policies) > fact.MaxPolicies || len(h.blinds) > maxBlind {
		d.Fail()
	}
	return h, d.End()
}

func readChunkRange(d *wire.Decoder) (r chunkRange) {
	for range d.Len(2) {
		l := delta{copy: uint8(d.Below(maxCopies))}
		for range d.Len(4) {
			var sum [4]byte
			d.Copy(sum[:])
			l.parts = append(l.parts, binary.LittleEndian.Uint32(sum[:]))
		}
		r.deltas = append(r.deltas, l)
	}
	return r
}

// A chunk is a value of [wire] that is stored under kind/side/range/part, such as
// sessions/1/00012/0: what is written together lies together, and a storage that
// keeps neighbours in one page does not copy the other copy with every write. What
// is written of a range is a delta of it: all there is, or what changed since the
// delta before it. A delta goes to a copy that the stored manifest does not speak of,
// so that the chunks which that manifest names stay as they are until the next one
// takes its place: what is stored is always one state that the engine was in.
const manifestKey = "head"

// maxChunkBytes bounds a chunk, but for one session, record or finding that
// alone is larger. Tests have less.
var maxChunkBytes = 1 << 20

type chunkKind uint8

const (
	kindServices chunkKind = iota
	kindGenerations
	kindFingerprints
	kindTombstones
	kindUsers
	kindSuspects
	kindFindings
	kindClosed
	kindCallers
	kindRecent
	kindSessions

	kindCount
	kindManifest = kindCount
)

var chunkKindNames = [kindCount]string{
	"services", "generations", "fingerprints", "tombs", "users", "suspects", "findings", "closed", "callers", "recent", "sessions",
}

// storedKinds are the kinds by the numbers that they have in what is stored. One
// that is new comes last here, wherever it stands above.
var storedKinds = [kindCount]chunkKind{
	kindServices, kindTombstones, kindUsers, kindSuspects, kindRecent, kindSessions,
	kindGenerations, kindFingerprints, kindFindings, kindClosed, kindCallers,
}

// storedManifest is the number of a manifest, between those of the first version and the
// others.
const storedManifest = 6

// stored is the number of a kind in what is stored.
func (k chunkKind) stored() byte {
	for n, kind := range storedKinds {
		if kind == k {
			if n >= storedManifest {
				n++
			}
			return byte(n)
		}
	}
	return storedManifest
}

// maxCopies is how many copies a range can have: each is a bit.
const maxCopies = 64

// chunkRange is what a manifest says of one range.
type chunkRange struct {
	deltas []delta // each says what changed since the one before it
	// sum tells whether the range changed; 0: not known.
	sum uint64
}

type delta struct {
	copy  uint8    // below maxSides
	parts []uint32 // their checksums
}

// copies returns those that are in use, as bits.
func (r *chunkRange) copies() (used uint64) {
	for i := range r.deltas {
		used |= 1 << r.deltas[i].copy
	}
	return used
}

func chunkKey(kind chunkKind, n, part int, copyNumber uint8) string {
	return fmt.Sprintf("%s/%d/%05d/%d", chunkKindNames[kind], copyNumber, n, part)
}

// sealChunk completes a chunk, and returns its checksum.
func sealChunk(chunk []byte, key string, kind chunkKind) (sum uint32) {
	return wire.Seal(chunk, kind.stored(), key)
}

// openChunk returns a decoder of what a chunk holds, and its checksum.
func openChunk(chunk []byte, key string, kind chunkKind) (d wire.Decoder, sum uint32, err error) {
	o, err := wire.Open(chunk, kind.stored(), key)
	return wire.Decoder{Left: o.Body, Version: o.Version}, o.Sum, err
}

// parts collects what is written at once, in bodies of bounded size.
type parts struct{ bodies [][]byte }

// next returns the body to append the next thing to; set puts it back.
func (p *parts) next() []byte {
	if n := len(p.bodies); n == 0 || len(p.bodies[n-1]) >= maxChunkBytes {
		p.bodies = append(p.bodies, nil)
	}
	return p.bodies[len(p.bodies)-1]
}

func (p *parts) set(body []byte) { p.bodies[len(p.bodies)-1] = body }
