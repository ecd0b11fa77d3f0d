package session

import "encoding/binary"

const (
	firstBlock     = 1 << 12
	detailBlock    = 1 << 18 // what later ones grow to
	maxDetailBytes = 1024    // of one string
)

// detailLog keeps the details of the recent records in blocks of bytes, so
// that a million of them are a handful of objects. Blocks are reused when the
// records that refer to them have gone.
type detailLog struct {
	blocks [][]byte
	first  uint64 // number of blocks[0]
	spare  []byte
}

// put stores d and returns where.
func (l *detailLog) put(d *Details) uint64 {
	texts := [...]string{d.Method, d.Route, d.Path, d.RPCMethod, d.Destination}
	need := binary.MaxVarintLen32
	for i := range texts {
		texts[i] = texts[i][:min(len(texts[i]), maxDetailBytes)]
		need += 2 + len(texts[i]) // two bytes hold any length up to maxDetailBytes
	}
	n := len(l.blocks)
	if n == 0 || cap(l.blocks[n-1])-len(l.blocks[n-1]) < min(need, detailBlock/2) {
		b := l.spare
		if cap(b) < need {
			size := firstBlock
			if n > 0 {
				size = min(2*cap(l.blocks[n-1]), detailBlock)
			}
			b = make([]byte, 0, max(size, need))
		}
		l.spare = nil
		l.blocks = append(l.blocks, b[:0])
		n++
	}
	b := l.blocks[n-1]
	where := (l.first+uint64(n-1))<<32 | uint64(len(b))
	to := b[len(b) : len(b)+need]
	at := binary.PutVarint(to, int64(d.Status))
	for _, text := range texts {
		at += binary.PutUvarint(to[at:], uint64(len(text)))
		at += copy(to[at:], text)
	}
	l.blocks[n-1] = b[:int(uint32(where))+at]
	return where
}

// get returns what was put at where, in memory of its own.
func (l *detailLog) get(where uint64) Details {
	i := where>>32 - l.first
	if where>>32 < l.first || i >= uint64(len(l.blocks)) {
		return Details{}
	}
	b := l.blocks[i][uint32(where):]
	var d Details
	status, n := binary.Varint(b)
	b = b[n:]
	d.Status = int32(status)
	for _, to := range [...]*string{&d.Method, &d.Route, &d.Path, &d.RPCMethod, &d.Destination} {
		size, n := binary.Uvarint(b)
		*to = string(b[n : n+int(size)])
		b = b[n+int(size):]
	}
	return d
}

// forget lets go of blocks that lie wholly in front of where.
func (l *detailLog) forget(where uint64) {
	for len(l.blocks) > 1 && l.first < where>>32 {
		l.spare = l.blocks[0]
		copy(l.blocks, l.blocks[1:])
		l.blocks[len(l.blocks)-1] = nil
		l.blocks = l.blocks[:len(l.blocks)-1]
		l.first++
	}
}
