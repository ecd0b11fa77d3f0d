package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// discardSuspects lets sessions have none before those that are left are read.
func (r *restorer) discardSuspects() {
	for _, id := range r.suspected {
		if t := r.e.get(id); t != nil {
			t.suspects = 0
		}
	}
}

// readSuspects reads one chunk of suspects or of findings.
func (r *restorer) readSuspects(d *wire.Decoder) {
	for d.Err == nil && len(d.Left) > 0 {
		tag := d.Byte()
		if tag != tagSuspect {
			r.addSuspects()
		}
		switch tag {
		case tagSuspect:
			if s := readSuspect(d); d.Err == nil {
				r.unplaced = append(r.unplaced, s)
			}
		case tagSeq:
			r.orderSuspects(r.members(d))
		case tagFinding:
			r.readFinding(d, false)
		case tagPartly:
			r.readFinding(d, true)
		case tagClosed:
			if f := readClosedFinding(d); d.Err == nil {
				r.closed = append(r.closed, f)
			}
		case tagOut:
			if f := readFinding(d); d.Err == nil && r.renumber(&f) {
				r.e.out = append(r.e.out, f)
			}
		default:
			d.Fail()
		}
	}
}

// addSuspects takes the suspects that were read, in the order of their numbers, and
// lets those of a session be in the order in which they were.
func (r *restorer) addSuspects() {
	if len(r.unplaced) == 0 {
		return
	}
	slices.SortStableFunc(r.unplaced, func(a, b *suspect) int { return cmp.Compare(a.number, b.number) })
	was := make(map[*suspect]int, len(r.unplaced))
	for _, s := range r.unplaced {
		was[s] = s.inSession
		r.addSuspect(s)
	}
	for _, s := range r.unplaced {
		if s.inSession == 0 { // once for each session
			list := slices.Clone(r.e.suspects.of(s.session))
			slices.SortStableFunc(list, func(a, b *suspect) int { return cmp.Compare(was[a], was[b]) })
			r.e.suspects.reorder(s.session, list)
		}
	}
	r.unplaced = nil
}

// addClosed takes the closed findings that were read, in the order in which they were
// closed.
func (r *restorer) addClosed() {
	slices.SortStableFunc(r.closed, func(a, b *closedFinding) int { return cmp.Compare(a.number, b.number) })
	for _, f := range r.closed {
		r.e.findings.closed.put(f)
	}
	r.closed = nil
}

// addSuspect takes a suspect whose session is there and whose policy is.
func (r *restorer) addSuspect(s *suspect) {
	e, number := r.e, s.number
	governed := s.policy != fact.NoPolicy // else what came of it is yet to be taken back
	s.policy, s.t = r.policy(s.policy), e.get(s.session)
	if governed && s.policy == fact.NoPolicy || s.t == nil || r.suspects[number] != nil || e.suspectOf(&s.record) != nil || s.kind != fact.Request {
		return
	}
	s.slot, s.service = s.t.slot, e.services.name(s.resource.ServiceName)
	s.record.resource = r.resources[s.record.resource]
	s.state |= suspected
	r.suspects[number] = s
	s.t.suspects++
	e.addSuspect(s)
	e.awaitParent(&s.record)
	e.open++
	if s.decided {
		return
	}
	s.t.undecided++
	e.undecided++
	e.await(s)
}

// members reads the numbers of suspects and returns those that are there.
func (r *restorer) members(d *wire.Decoder) (list []*suspect) {
	for range d.Len(1) {
		if s := r.suspects[d.Uvarint()]; s != nil && !slices.Contains(list, s) {
			list = append(list, s)
		}
	}
	return list
}

// orderSuspects puts the suspects of one session in the order in which they
// were found.
func (r *restorer) orderSuspects(list []*suspect) {
	if len(list) < 2 || len(list) != len(r.e.suspects.of(list[0].session)) {
		return
	}
	for _, s := range list {
		if s.session != list[0].session {
			return
		}
	}
	r.e.suspects.reorder(list[0].session, list)
}

// readFinding reads a finding. One whose session is gone, or all that it stands
// on, stays as it was reported: it is not there any more.
func (r *restorer) readFinding(d *wire.Decoder, partly bool) {
	f := &finding{id: d.Uint64(), session: d.Uint128(), partly: partly, inLater: -1}
	members := d.Left
	stood := d.Uvarint() > 0
	d.Left = members
	f.members = r.members(d)
	f.more = int(d.Below(1 << 31))
	f.moreFirst, f.moreLast = d.Varint(), d.Varint()
	f.dirty, f.sent = d.Bool(), d.Bool()
	if f.sent {
		f.sentAt, f.last = d.Varint(), readFinding(d)
	}
	f.members = slices.DeleteFunc(f.members, func(s *suspect) bool { return s.session != f.session || s.finding != nil || !s.decided })
	open := &r.e.findings
	switch {
	case d.Err != nil || open.open[f.id] != nil:
		return
	case r.e.get(f.session) == nil || stood && len(f.members) == 0 || f.sent && !r.renumber(&f.last) || len(f.members) == 0 && !f.dirty:
		open.keepClosed(f)
		return
	}
	for _, s := range f.members {
		s.finding = f
	}
	open.link(f)
	if f.dirty {
		open.dirty = append(open.dirty, f)
	}
}

// renumber gives f the number that its policy has now.
func (r *restorer) renumber(f *fact.Finding) bool {
	if f.Policy < 0 || f.Policy >= len(r.policies) || r.policies[f.Policy] == fact.NoPolicy {
		return false
	}
	f.Policy = int(r.policies[f.Policy])
	return true
}

// settleSuspects lets go of decided suspects that are in no finding.
func (r *restorer) discardUnfound() {
	for x := r.e.suspects.decided.Front(); x != nil; {
		s := x.Value.(*suspect)
		if x = x.Next(); s.finding == nil {
			r.e.discard(s)
		}
	}
}
