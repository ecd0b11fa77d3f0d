package session

import (
	"cmp"
	"encoding/binary"
	"maps"
	"math/bits"
	"slices"

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

// What is stored of callers is what was seen, bucket by bucket. Each chunk begins with
// callersLayout and how many buckets there are, as a power of two.
const callersLayout = 1

// beginPass begins a pass over the buckets.
func (c *callers) beginPass(stored []chunkRange) *rangedPass {
	buckets := len(c.seen) / bucketSize
	begun := []byte{callersLayout, byte(bits.TrailingZeros(uint(buckets)))}
	if !c.used {
		buckets = 0
	}
	return c.beginRanges(buckets, stored, begun, func(buf []byte, n int) []byte {
		b := c.bucket(n)
		if b[0] == 0 {
			return buf
		}
		buf = binary.AppendUvarint(buf, uint64(n))
		for _, x := range b {
			buf = binary.LittleEndian.AppendUint64(buf, x)
		}
		return buf
	})
}

// write writes what there is beside the buckets.
func (c *callers) write(p *parts) {
	body := binary.AppendVarint(append(p.next(), tagCallers), c.gone)
	w := &c.walk
	p.set(binary.AppendVarint(binary.AppendVarint(wire.AppendBool(body, w.due), w.over.from), w.over.to))
	for _, name := range slices.SortedFunc(maps.Keys(c.services), serviceName.compare) {
		x := c.services[name]
		body = append(p.next(), tagCalling)
		for _, text := range [...]string{name.name, name.namespace, name.environment} {
			body = wire.AppendText(body, text)
		}
		body = binary.AppendUvarint(binary.AppendVarint(body, x.since), uint64(len(x.intervals)))
		for _, y := range x.intervals {
			body = binary.AppendVarint(binary.AppendVarint(body, y.from), y.to)
		}
		p.set(body)
	}
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

// What is stored of services, one after the other.
const (
	tagName = iota + 1
	tagResource
	tagBounds
	tagServed
	tagCallers
	tagCalling
	tagAges
)

// writeServices writes the services and what was learnt of them.
func (e *Engine) writeServices(p *parts) {
	s := &e.services
	for _, name := range s.names[1:] {
		p.set(wire.AppendText(append(p.next(), tagName), name))
	}
	for _, r := range slices.SortedFunc(maps.Keys(s.byValue), func(a, b fact.Resource) int { return cmp.Compare(s.byValue[a], s.byValue[b]) }) {
		n := s.byValue[r]
		body := binary.AppendUvarint(append(p.next(), tagResource), uint64(n))
		p.set(fact.AppendResource(binary.AppendUvarint(body, s.resources[n].used.Load()), &r))
	}
	of := func(body []byte, policy, service int) []byte {
		return binary.AppendUvarint(binary.AppendUvarint(body, uint64(policy)), uint64(service))
	}
	bounds := func(tag byte, all map[statKey]*Bounds) {
		keys := slices.SortedFunc(maps.Keys(all), func(a, b statKey) int {
			return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.policy, b.policy))
		})
		for _, k := range keys {
			b := all[k]
			body := of(append(p.next(), tag), int(k.policy), int(k.service))
			p.set(binary.AppendVarint(binary.AppendVarint(body, b.ServedMax), b.RejectedMin))
		}
	}
	bounds(tagBounds, e.stats.idle)
	bounds(tagAges, e.stats.absolute)
	e.each(func(l *shard) {
		for row, longest := range l.stats.served {
			if longest != 0 {
				body := of(append(p.next(), tagServed, byte(l.number)), row%e.stats.policies, row/e.stats.policies)
				p.set(binary.AppendVarint(body, longest))
			}
		}
	})
	e.callers.write(p)
}

// What is stored of users, all of one after the other. Which sessions showed a user
// is not: the sessions say it.
const (
	tagUser = iota + 1
	tagUserEnds
	tagUserEnd   // when one of them came, in their order; before version 3 in that in which they did
	tagUserDirty // an end of all its sessions is yet to be held against them
)

// beginPass begins a pass over the users.
func (u *users) beginPass(stored []chunkRange) *rangedPass {
	return u.beginRanges(int(u.used), stored, nil, u.append)
}

// append appends all of one user.
func (u *users) append(buf []byte, number int) []byte {
	if number == 0 {
		return buf
	}
	x := u.user(uint32(number))
	if x.id.IsZero() {
		return buf
	}
	buf = append(wire.AppendUint128(append(buf, tagUser), x.id), x.pseudonym[:]...)
	if had, ok := u.ended[x.id]; ok {
		buf = appendEndings(wire.AppendUint128(append(buf, tagUserEnds), x.id), had.ends, 0)
		for _, came := range had.came {
			buf = binary.AppendVarint(wire.AppendUint128(append(buf, tagUserEnd), x.id), came.Value.(*userEnd).at)
		}
	}
	if x.walking {
		buf = binary.AppendVarint(wire.AppendUint128(append(buf, tagUserDirty), x.id), x.since)
	}
	return buf
}
