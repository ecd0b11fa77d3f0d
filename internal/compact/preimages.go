package compact

import "encoding/binary"

// Preimages keeps values by number in a few large blocks, so that a million of them
// are nothing to a garbage collection. Whether there is one for a number costs
// next to nothing to ask.
type Preimages struct {
	known  BitSet
	places map[uint32]uint64 // block and offset in it
	blocks [][]byte          // of values, each behind its length
}

// FirstPreimageBlock is the bytes of the first block. Tests have fewer.
var FirstPreimageBlock = 1 << 12

// MaxPreimageBlock is what later blocks grow to. Tests have fewer.
var MaxPreimageBlock = 1 << 20

// Put keeps, for n, what write appends. There must be nothing for n yet.
func (s *Preimages) Put(n int, write func(buf []byte) []byte) {
	last := len(s.blocks) - 1
	if last < 0 || len(s.blocks[last]) >= cap(s.blocks[last])/16*15 {
		size := FirstPreimageBlock
		if last >= 0 {
			size = min(2*cap(s.blocks[last]), MaxPreimageBlock)
		}
		s.blocks = append(s.blocks, make([]byte, 0, size))
		last++
	}
	if s.places == nil {
		s.places = map[uint32]uint64{}
	}
	b := s.blocks[last]
	at := len(b)
	b = write(append(b, 0, 0, 0, 0))
	binary.LittleEndian.PutUint32(b[at:], uint32(len(b)-at-4))
	s.blocks[last] = b
	s.known.Set(n)
	s.places[uint32(n)] = uint64(last)<<32 | uint64(at)
}

// Has reports whether there is something for n.
func (s *Preimages) Has(n int) bool { return s.known.Has(n) }

// Get returns what is kept for n, valid as long as s is.
func (s *Preimages) Get(n int) (value []byte, ok bool) {
	if !s.known.Has(n) {
		return nil, false
	}
	place := s.places[uint32(n)]
	b := s.blocks[place>>32][uint32(place):]
	return b[4 : 4+binary.LittleEndian.Uint32(b)], true
}
