package session

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

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

// readServices reads what writeServices wrote, and finds out what the stored
// numbers are now.
func (r *restorer) readServices(d *wire.Decoder) {
	s := &r.e.services
	for d.Err == nil && len(d.Left) > 0 {
		switch d.Byte() {
		case tagName:
			r.services = append(r.services, s.name(d.Text()))
		case tagResource:
			number, used := uint32(d.Below(1<<32)), d.Uvarint()
			if res := fact.ReadResource(d); d.Err == nil {
				n := s.lookUp(res, 0, func() uint64 { return 0 })
				s.resources[n].used.Store(max(s.resources[n].used.Load(), used))
				r.resources[number] = n
			}
		case tagBounds:
			policy, service := r.policy(d.Byte()), r.service(uint32(d.Below(1<<32)))
			b := Bounds{d.Varint(), d.Varint()}
			if policy != fact.NoPolicy {
				r.e.stats.bounds(policy, service).join(b)
			}
		case tagAges:
			policy, service := r.policy(d.Byte()), r.service(uint32(d.Below(1<<32)))
			b := Bounds{d.Varint(), d.Varint()}
			if policy != fact.NoPolicy {
				r.e.stats.ages(policy, service).join(b)
			}
		case tagServed:
			shard := d.Byte()
			policy, service := r.policy(d.Byte()), r.service(uint32(d.Below(1<<32)))
			if longest := d.Varint(); policy != fact.NoPolicy && int(shard) < len(r.e.shards) {
				stats := &r.e.shards[shard].stats
				row := stats.row(r.e.stats.rowOf(policy, service))
				stats.served[row] = max(stats.served[row], longest)
			}
		case tagCallers:
			r.callersKnown = true
			c := &r.e.callers
			c.gone = max(c.gone, d.Varint())
			c.walk.due = d.Bool()
			c.walk.over = span{d.Varint(), d.Varint()}
		case tagCalling:
			name := serviceName{d.Text(), d.Text(), d.Text()}
			x := &calling{since: d.Varint()}
			for range d.Len(2) {
				x.add(span{d.Varint(), d.Varint()})
			}
			if d.Err == nil && len(r.e.callers.services) < maxCallingServices {
				r.e.callers.services[name] = x
			}
		default:
			d.Fail()
		}
	}
}

// readCallers reads one chunk. In a table of another size nothing has its place.
func (r *restorer) readCallers(d *wire.Decoder) {
	c := &r.e.callers
	readLayout(d, callersLayout)
	if buckets := len(c.seen) / bucketSize; d.Err == nil && d.Byte() != byte(bits.TrailingZeros(uint(buckets))) {
		r.callersKnown, d.Left = false, nil
	}
	for d.Err == nil && len(d.Left) > 0 {
		n := int(d.Below(uint64(len(c.seen) / bucketSize)))
		var b [bucketSize]uint64
		for i := range b {
			b[i] = d.LittleEndian()
		}
		if d.Err == nil && c.bucket(n)[0] == 0 {
			copy(c.bucket(n), b[:])
			c.used = true
		}
	}
}

// forgetCallers lets times do where it is not known who called.
func (r *restorer) forgetCallers() {
	r.e.callers.gone = max(r.e.callers.gone, int64(seconds(max(r.now, r.manifest.at))))
}

func (r *restorer) readUsers(d *wire.Decoder) {
	u := &r.e.users
	for d.Err == nil && len(d.Left) > 0 {
		tag := d.Byte()
		id := d.Uint128()
		switch tag {
		case tagUser:
			var name fact.Pseudonym
			if d.Copy(name[:]); d.Err == nil && u.number(id) == 0 {
				u.add(id, name)
			}
		case tagUserEnds:
			if list := readEndings(d, nil, 0); d.Err == nil && u.number(id) != 0 {
				r.userEnds[id] = list
			}
		case tagUserEnd:
			if at := d.Varint(); d.Err == nil {
				r.userEndsCame[id] = append(r.userEndsCame[id], at)
			}
		case tagUserDirty:
			if since := d.Varint(); d.Err == nil && u.number(id) != 0 {
				r.dirtyUsers = append(r.dirtyUsers, userEnd{id, since})
			}
		default:
			d.Fail()
		}
	}
}

// addUserEnds takes the ends of users that were read. What is not known of when one
// came is taken to be as late as can be.
func (r *restorer) addUserEnds() {
	u := &r.e.users
	type stored struct {
		userEnd
		ending
	}
	var all []stored
	for id, list := range r.userEnds {
		came := r.userEndsCame[id]
		latest := r.now
		if r.older && len(came) > 0 {
			latest = slices.Max(came)
		}
		for i, end := range list {
			at := latest
			if !r.older && i < len(came) {
				at = came[i]
			}
			all = append(all, stored{userEnd{id, at}, end})
		}
	}
	slices.SortFunc(all, func(a, b stored) int {
		return cmp.Or(cmp.Compare(a.userEnd.at, b.userEnd.at), compareID(a.user, b.user), compareEnding(a.ending, b.ending))
	})
	for i := range all {
		all[i].service = r.service(all[i].service)
		u.end(all[i].user, all[i].ending, all[i].userEnd.at)
	}
}
