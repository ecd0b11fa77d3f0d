package compact

import "encoding/binary"

// Slab keeps many short byte strings in a few large arrays, one for each size
// class. A reference is 32 bits: the class and the place in it; zero is none.
type Slab struct {
	classes [len(slabSizes)]slabClass
	used    int // in use
}

// slabSizes are the sizes of the classes in bytes; two bytes of each hold the
// length.
var slabSizes = [...]int{16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1 << 10, 4 << 10, 16 << 10, 64 << 10}

const slabIndexBits = 28

// SlabBytes is the bytes of one array, unless one cell has more. Tests have fewer.
var SlabBytes = 4 << 10

type slabClass struct {
	arrays [][]byte
	used   uint32 // cells that were ever handed out
	free   uint32 // the first free one and 1; each holds the next
}

func (c *slabClass) cell(class int, i uint32) []byte {
	size := slabSizes[class]
	per := uint32(max(SlabBytes/size, 1))
	at := int(i%per) * size
	return c.arrays[i/per][at : at+size : at+size]
}

// Put stores a copy of b, of at most 64 KiB less two bytes, and returns its
// reference; zero where it is longer.
func (s *Slab) Put(b []byte) uint32 {
	class := 0
	for len(b)+2 > slabSizes[class] {
		if class++; class == len(slabSizes) {
			return 0
		}
	}
	c := &s.classes[class]
	i := c.free - 1
	if c.free != 0 {
		c.free = binary.LittleEndian.Uint32(c.cell(class, i))
	} else {
		i = c.used
		per := uint32(max(SlabBytes/slabSizes[class], 1))
		if i >= 1<<slabIndexBits-1 {
			return 0
		}
		if i%per == 0 {
			c.arrays = append(c.arrays, make([]byte, int(per)*slabSizes[class]))
		}
		c.used++
	}
	to := c.cell(class, i)
	binary.LittleEndian.PutUint16(to, uint16(len(b)))
	copy(to[2:], b)
	s.used += slabSizes[class]
	return uint32(class)<<slabIndexBits | (i + 1)
}

// Get returns what ref leads to; it is valid until it is freed.
func (s *Slab) Get(ref uint32) []byte {
	class, i := int(ref>>slabIndexBits), ref&(1<<slabIndexBits-1)-1
	b := s.classes[class].cell(class, i)
	return b[2 : 2+int(binary.LittleEndian.Uint16(b))]
}

// Free frees ref.
func (s *Slab) Free(ref uint32) {
	class, i := int(ref>>slabIndexBits), ref&(1<<slabIndexBits-1)-1
	c := &s.classes[class]
	binary.LittleEndian.PutUint32(c.cell(class, i), c.free)
	c.free = i + 1
	s.used -= slabSizes[class]
}

// Bytes is how many bytes are in use.
func (s *Slab) Bytes() int { return s.used }

// SizeOf is how many of them ref takes.
func (s *Slab) SizeOf(ref uint32) int { return slabSizes[ref>>slabIndexBits] }
