package session

import (
	"encoding/binary"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	detailBits   = 11 // hold the length of a text
	detailHeader = 8 + 4
	detailTexts  = 5
	// roomUnit is what the room for texts is counted in; as much as there can be
	// fits beside the lengths.
	roomUnit = 1 << 4
	maxRoom  = detailTexts * fact.MaxText / roomUnit
)

// Bytes of the first block, and what later ones grow to. Tests have fewer.
var firstDetailBlock, maxDetailBlock = 1 << 12, 1 << 18

// detailLog keeps the details of the recent records in blocks of bytes, so
// that a million of them are a handful of objects. A block counts the records
// that refer to it, and goes when they and the blocks before it have gone. No
// record stays for longer than a turn of the ring, and what one puts in the
// place of its own at least doubles its room: so the log is bounded by the ring.
type detailLog struct {
	blocks []detailBlock
	before uint64 // how many blocks there were before blocks[0]
	spare  []byte
}

type detailBlock struct {
	bytes []byte
	refs  uint32
}

// put stores d and returns where, for one record to refer to. Nothing is at 0.
func (l *detailLog) put(d *fact.Details) uint64 { return l.putIn(d, 0) }

// putIn is put with room for others: the lengths of the texts and the room stand
// in one word, then the status, and the texts one after the other.
func (l *detailLog) putIn(d *fact.Details, room int) uint64 {
	method, route, path := clip(d.Method), clip(d.Route), clip(d.Path)
	rpcMethod, destination := clip(d.RPCMethod), clip(d.Destination)
	size := len(method) + len(route) + len(path) + len(rpcMethod) + len(destination)
	room = max(room, size/roomUnit)
	need := detailHeader + max(size, room*roomUnit)
	n := len(l.blocks)
	if n == 0 || cap(l.blocks[n-1].bytes)-len(l.blocks[n-1].bytes) < need {
		n = l.grow(need)
	}
	block := &l.blocks[n-1]
	b, from := block.bytes, len(block.bytes)
	b = binary.LittleEndian.AppendUint64(b, uint64(len(method))|uint64(len(route))<<detailBits|uint64(len(path))<<(2*detailBits)|
		uint64(len(rpcMethod))<<(3*detailBits)|uint64(len(destination))<<(4*detailBits)|uint64(room)<<(detailTexts*detailBits))
	b = binary.LittleEndian.AppendUint32(b, uint32(d.Status))
	b = append(b, method...)
	b = append(b, route...)
	b = append(b, path...)
	if len(rpcMethod)+len(destination) > 0 { // hardly a request has both of these and those
		b = append(append(b, rpcMethod...), destination...)
	}
	block.bytes = b[:from+need]
	block.refs++
	return (l.before+uint64(n))<<32 | uint64(from)
}

func clip(s string) string { return s[:min(len(s), fact.MaxText)] }

// size is that of all texts, as they are kept.
func detailsSize(d *fact.Details) int {
	return len(clip(d.Method)) + len(clip(d.Route)) + len(clip(d.Path)) + len(clip(d.RPCMethod)) + len(clip(d.Destination))
}

// kept is d as put keeps it, in memory of its own.
func keptDetails(d *fact.Details) fact.Details {
	text := func(s string) string { return strings.Clone(clip(s)) }
	return fact.Details{
		Status: d.Status, Method: text(d.Method), Route: text(d.Route), Path: text(d.Path),
		RPCMethod: text(d.RPCMethod), Destination: text(d.Destination),
	}
}

// grow adds a block with room for so many bytes, and returns how many there are.
func (l *detailLog) grow(need int) int {
	b := l.spare
	if cap(b) < need {
		size := firstDetailBlock
		if n := len(l.blocks); n > 0 {
			size = min(2*cap(l.blocks[n-1].bytes), maxDetailBlock)
		}
		b = make([]byte, 0, max(size, need))
	}
	l.spare = nil
	l.blocks = append(l.blocks, detailBlock{bytes: b[:0]})
	return len(l.blocks)
}

// kept are details as they lie in a block.
type kept []byte

// at returns what was put at where, valid until it is released; nil where nothing
// was, or where its block has gone.
func (l *detailLog) at(where uint64) kept {
	i := where>>32 - 1 - l.before
	if i >= uint64(len(l.blocks)) {
		return nil
	}
	b := kept(l.blocks[i].bytes[uint32(where):])
	return b[:detailHeader+b.size()]
}

// size is that of all texts.
func (k kept) size() (n int) {
	for i := range detailTexts {
		n += k.length(i)
	}
	return n
}

// length is that of text i.
func (k kept) length(i int) int {
	return int(binary.LittleEndian.Uint64(k) >> (i * detailBits) & (1<<detailBits - 1))
}

// room is for how many units of text there is room.
func (k kept) room() int { return int(binary.LittleEndian.Uint64(k) >> (detailTexts * detailBits)) }

func (k kept) status() int32 { return int32(binary.LittleEndian.Uint32(k[8:])) }

// get returns what was put at where, in memory of its own.
func (l *detailLog) get(where uint64) (d fact.Details) {
	k := l.at(where)
	if k == nil {
		return d
	}
	d.Status = k.status()
	texts := k[detailHeader:]
	for i, to := range [detailTexts]*string{&d.Method, &d.Route, &d.Path, &d.RPCMethod, &d.Destination} {
		n := k.length(i)
		*to, texts = string(texts[:n]), texts[n:]
	}
	return d
}

// replace lets d take the place of what is at where, for the record that refers
// to it, and returns where it is.
func (l *detailLog) replace(where uint64, d *fact.Details) uint64 {
	room, need := 0, (detailsSize(d)+roomUnit-1)/roomUnit
	if k := l.at(where); k != nil {
		if room = k.room(); need <= room {
			n := detailHeader + room*roomUnit
			own := detailLog{blocks: []detailBlock{{bytes: k[:0:n]}}} // in the same memory
			own.putIn(d, room)
			return where
		}
	}
	to := l.putIn(d, min(max(2*room, need), maxRoom))
	l.release(where)
	return to
}

// release says that the record which referred to where does not any more.
func (l *detailLog) release(where uint64) {
	i := where>>32 - 1 - l.before
	if i >= uint64(len(l.blocks)) {
		return // there are none
	}
	b := &l.blocks[i]
	if b.refs--; b.refs == 0 {
		l.shrink()
	}
}

// shrink lets go of the first blocks that nothing refers to.
func (l *detailLog) shrink() {
	for len(l.blocks) > 1 && l.blocks[0].refs == 0 {
		l.spare = l.blocks[0].bytes
		copy(l.blocks, l.blocks[1:])
		l.blocks[len(l.blocks)-1] = detailBlock{}
		l.blocks = l.blocks[:len(l.blocks)-1]
		l.before++
	}
}

// append appends k as [fact.AppendDetails] does.
func (k kept) append(b []byte) []byte {
	b = fact.AppendDetailsHeader(b, k.status())
	texts := k[detailHeader:]
	for i := range detailTexts {
		n := k.length(i)
		b = append(binary.AppendUvarint(b, uint64(n)), texts[:n]...)
		texts = texts[n:]
	}
	return b
}
