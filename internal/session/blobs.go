package session

import "encoding/binary"

// blobs keeps many short byte strings in a few large arrays, one for each size
// class. A reference is 32 bits: the class and the place in it; zero is none.
type blobs struct {
	classes [len(blobSizes)]blobClass
	bytes   int // in use
}

// blobSizes are the sizes of the classes in bytes; two bytes of each hold the
// length.
var blobSizes = [...]int{16, 24, 32, 48, 64, 96, 128, 192, 256, 512, 1 << 10, 4 << 10, 16 << 10, 64 << 10}

const blobIndexBits = 28

// blobSlab is the bytes of one array, unless one cell has more. Tests have fewer.
var blobSlab = 4 << 10

type blobClass struct {
	slabs [][]byte
	used  uint32 // cells that were ever handed out
	free  uint32 // the first free one and 1; each holds the next
}

func (c *blobClass) cell(class int, i uint32) []byte {
	size := blobSizes[class]
	per := uint32(max(blobSlab/size, 1))
	at := int(i%per) * size
	return c.slabs[i/per][at : at+size : at+size]
}

// put stores a copy of b, of at most 64 KiB less two bytes, and returns its
// reference; zero where it is longer.
func (s *blobs) put(b []byte) uint32 {
	class := 0
	for len(b)+2 > blobSizes[class] {
		if class++; class == len(blobSizes) {
			return 0
		}
	}
	c := &s.classes[class]
	i := c.free - 1
	if c.free != 0 {
		c.free = binary.LittleEndian.Uint32(c.cell(class, i))
	} else {
		i = c.used
		per := uint32(max(blobSlab/blobSizes[class], 1))
		if i >= 1<<blobIndexBits-1 {
			return 0
		}
		if i%per == 0 {
			c.slabs = append(c.slabs, make([]byte, int(per)*blobSizes[class]))
		}
		c.used++
	}
	to := c.cell(class, i)
	binary.LittleEndian.PutUint16(to, uint16(len(b)))
	copy(to[2:], b)
	s.bytes += blobSizes[class]
	return uint32(class)<<blobIndexBits | (i + 1)
}

// get returns what ref leads to; it is valid until it is freed.
func (s *blobs) get(ref uint32) []byte {
	class, i := int(ref>>blobIndexBits), ref&(1<<blobIndexBits-1)-1
	b := s.classes[class].cell(class, i)
	return b[2 : 2+int(binary.LittleEndian.Uint16(b))]
}

// drop frees ref.
func (s *blobs) drop(ref uint32) {
	class, i := int(ref>>blobIndexBits), ref&(1<<blobIndexBits-1)-1
	c := &s.classes[class]
	binary.LittleEndian.PutUint32(c.cell(class, i), c.free)
	c.free = i + 1
	s.bytes -= blobSizes[class]
}
