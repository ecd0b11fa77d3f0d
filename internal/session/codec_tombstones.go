package session

import (
	"encoding/binary"
	"slices"
)

// What is stored of tombstones is, by ranges, what the generations of fingerprints
// are, their cells, block by block, and the tombstones, bucket by bucket. Each
// chunk begins with tombstoneLayout and what is in it. Only ranges that changed
// are written.
const (
	tombstoneLayout = 1

	sectionGenerations = 0
	sectionCells       = 1
	sectionStones      = 2
)

var (
	// rangeBuckets is how many buckets one range has, blockCells how many cells of a
	// generation. Tests have fewer.
	rangeBuckets uint64 = 1 << 8
	blockCells          = 1 << 16
)

func blocksOf(cells int) int { return (cells + blockCells - 1) / blockCells }

// blockOf returns the number of the block that g's cell at at is in, among those
// of all generations.
func (f *fingerprints) blockOf(g *generation, at int) int {
	return g.number%maxGenerations*f.blocks + at/blockCells
}

// begin calls each with what has to be written of every range that changed, in
// their order; unchanged ones have no write. What write is given by is a copy:
// it may be called later. taken is what changed.
func (t *tombstones) begin(all bool, each func(n int, write func(*parts))) (taken tombstonesChanged) {
	taken = tombstonesChanged{t.changed, t.displaced.changed}
	t.changed, t.displaced.changed = nil, nil
	if t.buckets == 0 {
		return taken
	}
	f := &t.displaced
	each(0, f.writer())
	of := make([]*generation, maxGenerations)
	for _, g := range f.generations {
		of[g.number%maxGenerations] = g
	}
	for n := range maxGenerations * f.blocks {
		switch g := of[n/f.blocks]; {
		case !all && !taken.cells.has(n):
			each(1+n, nil)
		case g == nil:
			each(1+n, func(*parts) {})
		default:
			each(1+n, g.writer(n%f.blocks))
		}
	}
	for n := uint64(0); n*rangeBuckets < t.buckets; n++ {
		if !all && !taken.buckets.has(int(n)) {
			each(1+maxGenerations*f.blocks+int(n), nil)
			continue
		}
		each(1+maxGenerations*f.blocks+int(n), t.writer(n*rangeBuckets, min((n+1)*rangeBuckets, t.buckets)))
	}
	return taken
}

// tombstonesChanged are ranges that changed.
type tombstonesChanged struct{ buckets, cells bitset }

// unstored says that what was taken may not have been stored.
func (t *tombstones) unstored(taken tombstonesChanged) {
	t.changed.add(taken.buckets)
	t.displaced.changed.add(taken.cells)
}

// touchAll says that all has to be written.
func (t *tombstones) touchAll() {
	t.changed.setAll(int((t.buckets + rangeBuckets - 1) / rangeBuckets))
	t.displaced.changed.setAll(maxGenerations * t.displaced.blocks)
}

// section returns the body to append to: one that is new begins with what is in
// it.
func (p *parts) section(section byte) []byte {
	body := p.next()
	if len(body) == 0 {
		body = append(body, tombstoneLayout, section)
	}
	return body
}

func (f *fingerprints) writer() func(*parts) {
	numbered, dropped := f.numbered, f.dropped
	list := make([]generation, len(f.generations))
	for i, g := range f.generations {
		list[i] = *g
		list[i].cells = nil
		list[i].size = len(g.cells)
	}
	return func(p *parts) {
		body := binary.AppendUvarint(p.section(sectionGenerations), uint64(numbered))
		body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(dropped)), uint64(len(list)))
		for i := range list {
			g := &list[i]
			body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(g.number)), uint64(g.size))
			body = binary.AppendVarint(binary.AppendVarint(body, g.first), g.last)
			body = binary.AppendUvarint(body, uint64(g.newest))
		}
		p.set(body)
	}
}

func (g *generation) writer(block int) func(*parts) {
	number, from := g.number, block*blockCells
	var cells []uint32
	if from < len(g.cells) {
		cells = slices.Clone(g.cells[from:min(from+blockCells, len(g.cells))])
	}
	return func(p *parts) {
		for i, cell := range cells {
			if cell != 0 {
				body := binary.AppendUvarint(binary.AppendUvarint(p.section(sectionCells), uint64(number)), uint64(from+i))
				p.set(binary.LittleEndian.AppendUint32(body, cell))
			}
		}
	}
}

func (t *tombstones) writer(from, to uint64) func(*parts) {
	buckets := make([]bucket, 0, to-from)
	for n := from; n < to; n++ {
		buckets = append(buckets, *t.bucket(n))
	}
	return func(p *parts) {
		for n := range buckets {
			for way, mark := range buckets[n].marks {
				if mark != 0 {
					body := binary.LittleEndian.AppendUint64(p.section(sectionStones), mark)
					p.set(buckets[n].stones[way].append(body))
				}
			}
		}
	}
}

func (s *tombstone) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.said))
	b = binary.AppendUvarint(b, uint64(s.newest))
	b = binary.AppendVarint(b, s.at-s.before())
	return binary.LittleEndian.AppendUint64(b, s.user)
}

func (d *decoder) tombstone() (s tombstone) {
	s.said = uint32(d.below(1 << 32))
	s.newest = uint32(d.below(1 << 32))
	s.at = d.after(s.before())
	s.user = d.littleEndian64()
	return s
}

func (d *decoder) littleEndian64() uint64 {
	var b [8]byte
	d.copy(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// readTombstones reads one chunk.
func (r *restorer) readTombstones(d *decoder) {
	t := &r.e.tombstones
	if r.head.tombSlots > 0 {
		t.readWithoutEnds(d)
		return
	}
	if d.byte() != tombstoneLayout {
		d.fail()
	}
	switch section := d.byte(); {
	case d.err != nil:
	case section == sectionGenerations:
		t.readGenerations(d)
	case section == sectionCells:
		t.displaced.readCells(d)
	case section == sectionStones:
		for d.err == nil && len(d.left) > 0 {
			mark := d.littleEndian64()
			s := d.tombstone()
			if d.err == nil && mark != 0 {
				s.said = r.service(s.service())<<stoneFlags | s.said&(1<<stoneFlags-1)
				t.put(mark, s)
			}
		}
	default:
		d.fail()
	}
}

func (t *tombstones) readGenerations(d *decoder) {
	f := &t.displaced
	f.numbered = int(d.below(maxPosition))
	f.dropped = int64(d.below(maxPosition))
	last := -1
	for range d.count(5) {
		g := &generation{number: int(d.below(maxPosition)), size: int(d.below(1 << 32))}
		g.first, g.last = d.varint(), d.varint()
		g.newest = uint32(d.below(1 << 32))
		if g.number <= last || g.number >= f.numbered || f.numbered-g.number > maxGenerations || g.size < 2 {
			d.fail()
		}
		if d.err != nil {
			return
		}
		last = g.number
		if g.size > 2*max(f.cells(), 1<<16) { // there was room for far more
			t.raise(int64(g.newest) * secondNanos)
			f.given = append(f.given, g.number)
			continue
		}
		g.cells = hugeSlice[uint32](g.size)
		f.generations = append(f.generations, g)
		f.blocks = max(f.blocks, blocksOf(g.size))
	}
}

func (f *fingerprints) readCells(d *decoder) {
	for d.err == nil && len(d.left) > 0 {
		number, at := int(d.below(maxPosition)), d.below(1<<32)
		var b [4]byte
		d.copy(b[:])
		if slices.Contains(f.given, number) {
			f.dropped++
			continue
		}
		i := slices.IndexFunc(f.generations, func(g *generation) bool { return g.number == number })
		if d.err != nil || i < 0 || at >= uint64(len(f.generations[i].cells)) {
			d.fail()
			return
		}
		g := f.generations[i]
		if g.cells[at] == 0 {
			if g.used++; g.used == len(g.cells) { // one must be free
				d.fail()
				return
			}
		}
		g.cells[at] = max(binary.LittleEndian.Uint32(b[:]), fingerprintMin)
	}
}

// What a stored comeback has.
const (
	comebackLost = 1 << iota
	comebackUnsure
	comebackEnd
	comebackLast
	comebackSeen
	comebackLogin
)

func (b *comeback) append(buf []byte, base int64) []byte {
	var has byte
	for _, x := range [...]struct {
		bit byte
		set bool
	}{
		{comebackLost, b.lost},
		{comebackUnsure, b.unsure},
		{comebackEnd, b.end != 0},
		{comebackLast, b.last != 0},
		{comebackSeen, b.seen != longAgo},
		{comebackLogin, b.login},
	} {
		if x.set {
			has |= x.bit
		}
	}
	buf = append(buf, has)
	if b.end != 0 {
		buf = binary.AppendVarint(append(buf, byte(b.typ)), b.end-base)
		buf = binary.AppendUvarint(buf, uint64(b.service))
	}
	if b.last != 0 {
		buf = binary.AppendVarint(binary.AppendVarint(buf, b.first-base), b.last-base)
	}
	if b.seen != longAgo {
		buf = binary.AppendVarint(buf, b.seen-base)
	}
	return buf
}

func (d *decoder) comeback(base int64) (b comeback) {
	has := d.byte()
	b.back, b.login, b.lost, b.unsure, b.seen = true, has&comebackLogin != 0, has&comebackLost != 0, has&comebackUnsure != 0, longAgo
	if has&comebackEnd != 0 {
		b.typ = Type(d.below(uint64(TypeCount)))
		b.end = d.after(base)
		b.service = uint32(d.below(1 << 32))
	}
	if has&comebackLast != 0 {
		b.first, b.last = d.after(base), d.after(base)
	}
	if has&comebackSeen != 0 {
		b.seen = d.after(base)
	}
	return b
}

// readWithoutEnds reads what an older version kept: a hash and an instant, which
// is now held against every unknown id.
func (t *tombstones) readWithoutEnds(d *decoder) {
	for d.err == nil && len(d.left) > 0 {
		d.uvarint() // where it was
		d.uint64()
		if at := d.varint(); d.err == nil {
			t.raise(at)
		}
	}
}
