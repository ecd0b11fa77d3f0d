package session

import (
	"cmp"
	"encoding/binary"
	"maps"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What is stored of services, one after the other.
const (
	tagName = iota + 1
	tagResource
	tagBounds
	tagServed
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
	keys := slices.SortedFunc(maps.Keys(e.stats.idle), func(a, b statKey) int {
		return cmp.Or(cmp.Compare(a.service, b.service), cmp.Compare(a.policy, b.policy))
	})
	for _, k := range keys {
		b := e.stats.idle[k]
		body := of(append(p.next(), tagBounds), int(k.policy), int(k.service))
		p.set(binary.AppendVarint(binary.AppendVarint(body, b.ServedMax), b.RejectedMin))
	}
	e.each(func(l *shard) {
		for row, longest := range l.stats.served {
			if longest != 0 {
				body := of(append(p.next(), tagServed, byte(l.number)), row%e.stats.policies, row/e.stats.policies)
				p.set(binary.AppendVarint(body, longest))
			}
		}
	})
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
		case tagServed:
			shard := d.Byte()
			policy, service := r.policy(d.Byte()), r.service(uint32(d.Below(1<<32)))
			if longest := d.Varint(); policy != fact.NoPolicy && int(shard) < len(r.e.shards) {
				stats := &r.e.shards[shard].stats
				row := stats.row(r.e.stats.rowOf(policy, service))
				stats.served[row] = max(stats.served[row], longest)
			}
		default:
			d.Fail()
		}
	}
}
