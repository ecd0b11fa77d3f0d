package session

import "encoding/binary"

const (
	firstBlock   = 1 << 12
	detailBlock  = 1 << 18 // what later ones grow to
	detailBits   = 11      // hold the length of a text
	detailHeader = 8 + 4
	detailTexts  = 5
)

// detailLog keeps the details of the recent records in blocks of bytes, so
// that a million of them are a handful of objects. Blocks are reused when the
// records that refer to them have gone.
type detailLog struct {
	blocks [][]byte
	first  uint64 // number of blocks[0]
	spare  []byte
}

// put stores d and returns where: the lengths of its texts in one word, the
// status, and the texts one after the other.
func (l *detailLog) put(d *Details) uint64 {
	method, route, path := clip(d.Method), clip(d.Route), clip(d.Path)
	rpcMethod, destination := clip(d.RPCMethod), clip(d.Destination)
	need := detailHeader + len(method) + len(route) + len(path) + len(rpcMethod) + len(destination)
	n := len(l.blocks)
	if n == 0 || cap(l.blocks[n-1])-len(l.blocks[n-1]) < need {
		n = l.grow(need)
	}
	b := l.blocks[n-1]
	where := (l.first+uint64(n-1))<<32 | uint64(len(b))
	b = binary.LittleEndian.AppendUint64(b, uint64(len(method))|uint64(len(route))<<detailBits|uint64(len(path))<<(2*detailBits)|
		uint64(len(rpcMethod))<<(3*detailBits)|uint64(len(destination))<<(4*detailBits))
	b = binary.LittleEndian.AppendUint32(b, uint32(d.Status))
	b = append(b, method...)
	b = append(b, route...)
	b = append(b, path...)
	if len(rpcMethod)+len(destination) > 0 { // hardly a request has both of these and those
		b = append(append(b, rpcMethod...), destination...)
	}
	l.blocks[n-1] = b
	return where
}

func clip(s string) string { return s[:min(len(s), MaxText)] }

// grow adds a block with room for so many bytes, and returns how many there are.
func (l *detailLog) grow(need int) int {
	b := l.spare
	if cap(b) < need {
		size := firstBlock
		if n := len(l.blocks); n > 0 {
			size = min(2*cap(l.blocks[n-1]), detailBlock)
		}
		b = make([]byte, 0, max(size, need))
	}
	l.spare = nil
	l.blocks = append(l.blocks, b[:0])
	return len(l.blocks)
}

// kept are details as put wrote them.
type kept []byte

// at returns what was put at where, valid until it is forgotten; nil where it has
// been.
func (l *detailLog) at(where uint64) kept {
	i := where>>32 - l.first
	if where>>32 < l.first || i >= uint64(len(l.blocks)) {
		return nil
	}
	b := kept(l.blocks[i][uint32(where):])
	n := detailHeader
	for i := range detailTexts {
		n += b.length(i)
	}
	return b[:n]
}

// length is that of text i.
func (k kept) length(i int) int {
	return int(binary.LittleEndian.Uint64(k) >> (i * detailBits) & (1<<detailBits - 1))
}

func (k kept) status() int32 { return int32(binary.LittleEndian.Uint32(k[8:])) }

// get returns what was put at where, in memory of its own.
func (l *detailLog) get(where uint64) (d Details) {
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
