package session

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// A chunk is a header and a body:
//
//	magic     4 bytes
//	version   1
//	kind      1
//	length    4, of the body, little-endian
//	checksum  4, CRC-32C of version, kind, length, key and body
//
// It is stored under kind/side/range/part, such as sessions/1/00012/0: what is
// written together lies together, and a storage that keeps neighbours in one
// page does not copy the other side with every write. What is written of a range
// is a layer of it: all there is, or what changed since the layer before it. A
// layer goes to a side that the stored head does not speak of, so that the
// chunks which that head names stay as they are until the next one takes its
// place: what is stored is always one state that the engine was in.
const (
	chunkMagic   = "OSES"
	chunkVersion = 2
	chunkHeader  = 14
	headKey      = "head"
)

// maxChunkBytes bounds a chunk, but for one session, record or finding that
// alone is larger. Tests have less.
var maxChunkBytes = 1 << 20

type chunkKind uint8

const (
	kindServices chunkKind = iota
	kindTombs
	kindUsers
	kindSuspects
	kindRecent
	kindSessions

	kindCount
	kindHead = kindCount
)

var chunkKindNames = [kindCount]string{"services", "tombs", "users", "suspects", "recent", "sessions"}

// maxSides is how many sides a range can have: each is a bit.
const maxSides = 64

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// chunkRange is what a head says of one range.
type chunkRange struct {
	layers []layer // each says what changed since the one before it
	// sum tells whether the range changed; 0: not known.
	sum uint64
}

type layer struct {
	side  uint8    // below maxSides
	parts []uint32 // their checksums
}

// sides returns those that are in use, as bits.
func (r *chunkRange) sides() (used uint64) {
	for i := range r.layers {
		used |= 1 << r.layers[i].side
	}
	return used
}

func chunkKey(kind chunkKind, n, part int, side uint8) string {
	return fmt.Sprintf("%s/%d/%05d/%d", chunkKindNames[kind], side, n, part)
}

// beginChunk makes room for a header in buf.
func beginChunk(buf []byte) []byte { return append(buf[:0], make([]byte, chunkHeader)...) }

// sealChunk writes the header of a chunk whose body is complete, and returns
// its checksum.
func sealChunk(chunk []byte, key string, kind chunkKind) (sum uint32) {
	copy(chunk, chunkMagic)
	chunk[4], chunk[5] = chunkVersion, byte(kind)
	binary.LittleEndian.PutUint32(chunk[6:], uint32(len(chunk)-chunkHeader))
	sum = chunkSum(chunk, key)
	binary.LittleEndian.PutUint32(chunk[10:], sum)
	return sum
}

func chunkSum(chunk []byte, key string) uint32 {
	sum := crc32.Checksum(chunk[4:10], castagnoli)
	sum = crc32.Update(sum, castagnoli, []byte(key))
	return crc32.Update(sum, castagnoli, chunk[chunkHeader:])
}

// openChunk returns the body of a chunk and its checksum.
func openChunk(chunk []byte, key string, kind chunkKind) (body []byte, sum uint32, err error) {
	switch {
	case chunk == nil:
		return nil, 0, errMissing
	case len(chunk) < len(chunkMagic)+1:
		return nil, 0, errTruncated
	case string(chunk[:4]) != chunkMagic:
		return nil, 0, errCorrupt
	case chunk[4] != chunkVersion:
		return nil, 0, errVersion
	case len(chunk) < chunkHeader:
		return nil, 0, errTruncated
	}
	length := uint64(binary.LittleEndian.Uint32(chunk[6:]))
	sum = binary.LittleEndian.Uint32(chunk[10:])
	switch have := uint64(len(chunk) - chunkHeader); {
	case have < length:
		return nil, 0, errTruncated
	case have > length, chunk[5] != byte(kind), chunkSum(chunk, key) != sum:
		return nil, 0, errCorrupt
	}
	return chunk[chunkHeader:], sum, nil
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
