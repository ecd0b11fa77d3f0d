package session

import (
	"encoding/binary"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What is stored of tombstones is what the generations of fingerprints are, their
// cells, group by group, and the tombstones, bucket by bucket. Each chunk of the latter
// two begins with tombstoneLayout.
const tombstoneLayout = 2

// How many buckets one range has, how many groups of cells, and how many cells a group,
// as powers of two. Tests have fewer.
var bucketBits, groupBits, cellBits = 8, 10, 6

// groupsOf returns how many groups there are of so many cells, in whole ranges.
func groupsOf(cells int) int { return rangesOf(cells, cellBits+groupBits) << groupBits }

// groupOf returns the number of the group that g's cell at at is in, among those of all
// generations.
func (f *fingerprints) groupOf(g *generation, at int) int {
	return g.number%maxGenerations*f.groups + at>>cellBits
}

// beginPass begins a pass over the buckets.
func (t *tombstones) beginPass(stored []chunkRange) *rangedPass {
	return t.beginRanges(int(t.buckets), stored, []byte{tombstoneLayout}, func(buf []byte, n int) []byte {
		b := t.bucket(uint64(n))
		for way, mark := range b.tags {
			if mark != 0 {
				buf = b.tombstones[way].append(binary.LittleEndian.AppendUint64(buf, mark))
			}
		}
		return buf
	})
}

// beginPass begins a pass over the cells. A generation that is dropped meanwhile
// stays as it was.
func (f *fingerprints) beginPass(stored []chunkRange) *rangedPass {
	of := make([]*generation, maxGenerations)
	for _, g := range f.generations {
		of[g.number%maxGenerations] = g
	}
	lines, places := f.groups, 0
	if len(f.generations) > 0 {
		places = maxGenerations * lines
	}
	p := f.beginRanges(places, stored, []byte{tombstoneLayout}, func(buf []byte, group int) []byte {
		g, from := of[group/lines], group%lines<<cellBits
		if g == nil {
			return buf
		}
		for at := from; at < min(from+1<<cellBits, len(g.cells)); at++ {
			if cell := g.cells[at]; cell != 0 {
				buf = binary.AppendUvarint(binary.AppendUvarint(buf, uint64(g.number)), uint64(at))
				buf = binary.LittleEndian.AppendUint32(buf, cell)
			}
		}
		return buf
	})
	for part := range p.actions {
		if of[part<<p.bits/lines] == nil { // nothing is there, not even that
			p.actions[part] = actionNone
		}
	}
	return p
}

// touchAll says that all has to be written.
func (t *tombstones) touchAll() {
	t.touchRanges(int(t.buckets))
	t.displaced.touchRanges(maxGenerations * t.displaced.groups)
}

// write writes what the generations are.
func (f *fingerprints) write(p *parts) {
	if len(f.generations) == 0 && f.numbered == 0 {
		return
	}
	body := binary.AppendUvarint(p.next(), uint64(f.numbered))
	body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(f.dropped)), uint64(len(f.generations)))
	for _, g := range f.generations {
		body = binary.AppendUvarint(binary.AppendUvarint(body, uint64(g.number)), uint64(len(g.cells)))
		body = binary.AppendVarint(binary.AppendVarint(body, g.first), g.last)
		body = binary.AppendUvarint(body, uint64(g.newest))
	}
	p.set(body)
}

func (s *tombstone) append(b []byte) []byte {
	b = binary.AppendUvarint(b, uint64(s.said))
	b = binary.AppendUvarint(b, uint64(s.newest))
	b = binary.AppendVarint(b, s.at-s.before())
	return binary.LittleEndian.AppendUint64(b, s.user)
}

func readTombstone(d *wire.Decoder) (s tombstone) {
	s.said = uint32(d.Below(1 << 32))
	s.newest = uint32(d.Below(1 << 32))
	s.at = d.After(s.before())
	s.user = d.LittleEndian()
	return s
}

// readTombstones reads one chunk.
func (r *restorer) readTombstones(d *wire.Decoder) {
	t := &r.e.tombstones
	if r.manifest.tombstoneSlots > 0 {
		t.readWithoutEnds(d)
		return
	}
	readLayout(d, tombstoneLayout)
	for d.Err == nil && len(d.Left) > 0 {
		mark := d.LittleEndian()
		s := readTombstone(d)
		if d.Err == nil && mark != 0 {
			s.said = r.service(s.service())<<tombstoneFlags | s.said&(1<<tombstoneFlags-1)
			t.put(mark, s)
		}
	}
}

// layout reads how what follows is laid out, which must be so.
func readLayout(d *wire.Decoder, want byte) {
	if d.Byte() != want {
		d.Fail()
	}
}

func (t *tombstones) readGenerations(d *wire.Decoder) {
	f := &t.displaced
	f.numbered = int(d.Below(maxPosition))
	f.dropped = int64(d.Below(maxPosition))
	last := -1
	for range d.Len(5) {
		g, size := &generation{number: int(d.Below(maxPosition))}, int(d.Below(1<<32))
		g.first, g.last = d.Varint(), d.Varint()
		g.newest = uint32(d.Below(1 << 32))
		if g.number <= last || g.number >= f.numbered || f.numbered-g.number > maxGenerations || size < 2 {
			d.Fail()
		}
		if d.Err != nil {
			return
		}
		last = g.number
		if size > 2*max(f.cells(), 1<<16) { // there was room for far more
			t.raise(int64(g.newest) * secondNanos)
			f.given = append(f.given, g.number)
			continue
		}
		g.cells = compact.HugeSlice[uint32](size)
		f.generations = append(f.generations, g)
		f.groups = max(f.groups, groupsOf(size))
	}
}

func (f *fingerprints) readCells(d *wire.Decoder) {
	readLayout(d, tombstoneLayout)
	for d.Err == nil && len(d.Left) > 0 {
		number, at := int(d.Below(maxPosition)), d.Below(1<<32)
		var b [4]byte
		d.Copy(b[:])
		if slices.Contains(f.given, number) {
			f.dropped++
			continue
		}
		i := slices.IndexFunc(f.generations, func(g *generation) bool { return g.number == number })
		if d.Err != nil || i < 0 || at >= uint64(len(f.generations[i].cells)) {
			d.Fail()
			return
		}
		g := f.generations[i]
		if g.cells[at] == 0 {
			if g.used++; g.used == len(g.cells) { // one must be free
				d.Fail()
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

func readComeback(d *wire.Decoder, base int64) (b comeback) {
	has := d.Byte()
	b.back, b.login, b.lost, b.unsure, b.seen = true, has&comebackLogin != 0, has&comebackLost != 0, has&comebackUnsure != 0, longAgo
	if has&comebackEnd != 0 {
		b.typ = fact.Type(d.Below(uint64(fact.TypeCount)))
		b.end = d.After(base)
		b.service = uint32(d.Below(1 << 32))
	}
	if has&comebackLast != 0 {
		b.first, b.last = d.After(base), d.After(base)
	}
	if has&comebackSeen != 0 {
		b.seen = d.After(base)
	}
	return b
}

// readWithoutEnds reads what an older version kept: a hash and an instant, which
// is now held against every unknown id.
func (t *tombstones) readWithoutEnds(d *wire.Decoder) {
	for d.Err == nil && len(d.Left) > 0 {
		d.Uvarint() // where it was
		d.Uint64()
		if at := d.Varint(); d.Err == nil {
			t.raise(at)
		}
	}
}
