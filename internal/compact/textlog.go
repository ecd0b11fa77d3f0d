package compact

import "encoding/binary"

// Texts are what an entry of a text log holds beside its number, each of at most
// [MaxText] bytes.
type Texts [7]string

// MoreTexts are those of Texts that hardly an entry has: the last ones.
type MoreTexts [4]string

// MaxText is the longest text in bytes that a text log holds; of a longer one it
// holds the beginning.
const MaxText = 1024

// In front of its texts an entry has two words of 64 bits: the lengths of the first five
// texts and the room; the number and the lengths of the others.
const (
	lengthBits  = 11
	inFirstWord = 5
	roomBits    = 64 - lengthBits*inFirstWord
	numberBits  = 21
	textHeader  = 8 + 8
	// roomUnit is what the room for texts is counted in: as much as there can be fits
	// in its bits.
	roomUnit = 1 << 4
	maxRoom  = len(Texts{}) * MaxText / roomUnit

	_ = uint(1<<roomBits - 1 - maxRoom)
	_ = uint(1<<lengthBits - 1 - MaxText)
)

// FirstTextBlock is the bytes of the first block. Tests have fewer.
var FirstTextBlock = 1 << 12

// MaxTextBlock is what later blocks grow to. Tests have fewer.
var MaxTextBlock = 1 << 18

// TextLog keeps numbers and texts in blocks of bytes, so that a million of them are a
// handful of objects. A block counts the entries that are referred to, and goes when
// they and the blocks before it have gone. What takes the place of an entry has at
// least twice its room: so the log is bounded where the references are a ring.
type TextLog struct {
	blocks []textBlock
	before uint64 // how many blocks there were before blocks[0]
	spare  []byte
}

type textBlock struct {
	bytes []byte
	refs  uint32
}

// Put stores an entry and returns where, for one to refer to. Nothing is at 0. The
// number is from -1<<20 to 1<<20-1; another one is stored as 0. More is nil where
// there are no more texts.
func (l *TextLog) Put(number int32, first, second, third string, more *MoreTexts) uint64 {
	return l.put(number, first, second, third, more, 0)
}

// put is Put with room for others.
func (l *TextLog) put(number int32, first, second, third string, more *MoreTexts, room int) uint64 {
	// Every request comes here: no loop, and no text in an array.
	n0, n1, n2 := min(len(first), MaxText), min(len(second), MaxText), min(len(third), MaxText)
	n3, n4, n5, n6 := 0, 0, 0, 0
	if more != nil {
		n3, n4, n5, n6 = min(len(more[0]), MaxText), min(len(more[1]), MaxText), min(len(more[2]), MaxText), min(len(more[3]), MaxText)
	}
	size := n0 + n1 + n2 + n3 + n4 + n5 + n6
	lengths := uint64(n0) | uint64(n1)<<lengthBits | uint64(n2)<<(2*lengthBits) | uint64(n3)<<(3*lengthBits) | uint64(n4)<<(4*lengthBits)
	room = max(room, size/roomUnit)
	need := textHeader + max(size, room*roomUnit)
	n := len(l.blocks)
	if n == 0 || cap(l.blocks[n-1].bytes)-len(l.blocks[n-1].bytes) < need {
		n = l.grow(need)
	}
	block := &l.blocks[n-1]
	b, from := block.bytes, len(block.bytes)
	b = binary.LittleEndian.AppendUint64(b, lengths|uint64(room)<<(64-roomBits))
	if number != number<<(32-numberBits)>>(32-numberBits) {
		number = 0
	}
	b = binary.LittleEndian.AppendUint64(b, uint64(number)&(1<<numberBits-1)|uint64(n5)<<numberBits|uint64(n6)<<(numberBits+lengthBits))
	b = append(append(append(b, first[:n0]...), second[:n1]...), third[:n2]...)
	if more != nil {
		b = append(append(append(append(b, more[0][:n3]...), more[1][:n4]...), more[2][:n5]...), more[3][:n6]...)
	}
	block.bytes = b[:from+need]
	block.refs++
	return (l.before+uint64(n))<<32 | uint64(from)
}

// putAll is put with all texts.
func (l *TextLog) putAll(number int32, t *Texts, room int) uint64 {
	return l.put(number, t[0], t[1], t[2], (*MoreTexts)(t[len(t)-len(MoreTexts{}):]), room)
}

// grow adds a block with room for so many bytes, and returns how many there are.
func (l *TextLog) grow(need int) int {
	b := l.spare
	if cap(b) < need {
		size := FirstTextBlock
		if n := len(l.blocks); n > 0 {
			size = min(2*cap(l.blocks[n-1].bytes), MaxTextBlock)
		}
		b = make([]byte, 0, max(size, need))
	}
	l.spare = nil
	l.blocks = append(l.blocks, textBlock{bytes: b[:0]})
	return len(l.blocks)
}

// TextEntry is an entry as it lies in a block, or nil.
type TextEntry []byte

// At returns what was put at where, valid until it is released; nil where nothing
// was, or where its block has gone.
func (l *TextLog) At(where uint64) TextEntry {
	i := where>>32 - 1 - l.before
	if i >= uint64(len(l.blocks)) {
		return nil
	}
	e := TextEntry(l.blocks[i].bytes[uint32(where):])
	return e[:textHeader+e.size()]
}

// size is that of all texts.
func (e TextEntry) size() (n int) {
	for i := range len(Texts{}) {
		n += e.length(i)
	}
	return n
}

// length is that of text i.
func (e TextEntry) length(i int) int {
	if i >= inFirstWord {
		return int(binary.LittleEndian.Uint64(e[8:]) >> (numberBits + (i-inFirstWord)*lengthBits) & (1<<lengthBits - 1))
	}
	return int(binary.LittleEndian.Uint64(e) >> (i * lengthBits) & (1<<lengthBits - 1))
}

// room is for how many units of text there is room.
func (e TextEntry) room() int { return int(binary.LittleEndian.Uint64(e) >> (64 - roomBits)) }

// Number returns the number of e.
func (e TextEntry) Number() int32 {
	return int32(binary.LittleEndian.Uint64(e[8:])<<(32-numberBits)) >> (32 - numberBits)
}

// Texts returns the texts of e, in its memory.
func (e TextEntry) Texts() (t [len(Texts{})][]byte) {
	from := textHeader
	for i := range t {
		t[i], from = e[from:from+e.length(i)], from+e.length(i)
	}
	return t
}

// Replace puts an entry in the place of what is at where, for the one that refers to
// it, and returns where it is.
func (l *TextLog) Replace(where uint64, number int32, t *Texts) uint64 {
	size := 0
	for i := range t {
		size += min(len(t[i]), MaxText)
	}
	room, need := 0, (size+roomUnit-1)/roomUnit
	if e := l.At(where); e != nil {
		if room = e.room(); need <= room {
			n := textHeader + room*roomUnit
			own := TextLog{blocks: []textBlock{{bytes: e[:0:n]}}} // in the same memory
			own.putAll(number, t, room)
			return where
		}
	}
	to := l.putAll(number, t, min(max(2*room, need), maxRoom))
	l.Release(where)
	return to
}

// Release says that the one which referred to where does not any more.
func (l *TextLog) Release(where uint64) {
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
func (l *TextLog) shrink() {
	for len(l.blocks) > 1 && l.blocks[0].refs == 0 {
		l.spare = l.blocks[0].bytes
		copy(l.blocks, l.blocks[1:])
		l.blocks[len(l.blocks)-1] = textBlock{}
		l.blocks = l.blocks[:len(l.blocks)-1]
		l.before++
	}
}

// Blocks is how many blocks there are.
func (l *TextLog) Blocks() int { return len(l.blocks) }
