package session

import (
	"fmt"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

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
	kindOut
	kindRecent
	kindSessions

	kindCount
	kindManifest = kindCount
)

var chunkKindNames = [kindCount]string{
	"services", "generations", "fingerprints", "tombs", "users", "suspects", "findings", "closed", "out", "recent", "sessions",
}

// storedKinds are the kinds by the numbers that they have in what is stored. One
// that is new comes last here, wherever it stands above.
var storedKinds = [kindCount]chunkKind{
	kindServices, kindTombstones, kindUsers, kindSuspects, kindRecent, kindSessions,
	kindGenerations, kindFingerprints, kindFindings, kindClosed, kindOut,
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
