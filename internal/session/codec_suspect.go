package session

import (
	"encoding/binary"
	"maps"
	"slices"
)

// What is stored of suspects and findings, one after the other.
const (
	tagSuspect = iota + 1
	tagOrder   // of the suspects of one session
	tagFinding
	tagOut    // a finding that was not taken yet
	tagPartly // a finding that was closed before, and has not been sent since
	tagClosed
)

// writeSuspects writes the suspects, the decided ones first, and what stands on
// them.
func (e *Engine) writeSuspects(p *parts) {
	number := map[*suspect]uint64{}
	write := func(s *suspect) {
		number[s] = uint64(len(number))
		p.set(appendSuspect(append(p.next(), tagSuspect), s, number[s]))
	}
	for x := e.suspects.settled.Front(); x != nil; x = x.Next() {
		write(x.Value.(*suspect))
	}
	for _, s := range e.suspects.pending.ordered() {
		write(s)
	}
	members := func(body []byte, list []*suspect) []byte {
		body = binary.AppendUvarint(body, uint64(len(list)))
		for _, s := range list {
			body = binary.AppendUvarint(body, number[s])
		}
		return body
	}
	for _, id := range slices.SortedFunc(maps.Keys(e.suspects.bySession), compareID) {
		if list := e.suspects.of(id); len(list) > 1 {
			p.set(members(append(p.next(), tagOrder), list))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(e.findings.open)) {
		f := e.findings.open[id]
		tag := byte(tagFinding)
		if f.partly {
			tag = tagPartly
		}
		body := binary.BigEndian.AppendUint64(append(p.next(), tag), f.id)
		body = members(appendID(body, f.session), f.members)
		body = binary.AppendUvarint(body, uint64(f.more))
		body = binary.AppendVarint(body, f.moreFirst)
		body = binary.AppendVarint(body, f.moreLast)
		body = appendBool(appendBool(body, f.dirty || f.inLater >= 0), f.sent)
		if f.sent {
			body = appendFinding(binary.AppendVarint(body, f.sentAt), &f.last)
		}
		p.set(body)
	}
	for _, x := range e.findings.closed.ids {
		if f := e.findings.closed.byID[x.id]; f.number == x.number {
			p.set(appendClosed(append(p.next(), tagClosed), x.id, &f))
		}
	}
	for i := range e.out {
		p.set(appendFinding(append(p.next(), tagOut), &e.out[i]))
	}
}

func compareID(a, b ID) int {
	switch {
	case a == b:
		return 0
	case a.less(b):
		return -1
	}
	return 1
}

const (
	suspectConfirmed = 1 << iota
	suspectCounted
	suspectViolation
	suspectViolated
	suspectOriginKnown
	suspectOriginAuthentication
)

func appendSuspect(b []byte, s *suspect, number uint64) []byte {
	b = binary.AppendUvarint(b, number)
	b = appendDetails(appendRecord(b, &s.record, true, 0), &s.details)
	j := &s.judgement
	var has byte
	for i, set := range [...]bool{s.confirmed, s.counted, s.violation, j.violated, j.origin.known, j.origin.authentication} {
		if set {
			has |= 1 << i
		}
	}
	b = append(b, has, byte(j.typ))
	for _, v := range [...]int64{s.due, j.at, j.since, j.overrun, j.origin.at, j.authentication} {
		b = binary.AppendVarint(b, v)
	}
	b = appendString(appendString(b, j.by), j.doubt)
	b = binary.AppendUvarint(b, uint64(s.service))
	return appendResource(b, &s.resource)
}

func (d *decoder) suspect() (s *suspect, number uint64) {
	s = &suspect{}
	number = d.uvarint()
	s.record, s.details = d.record(0)
	has := d.byte()
	j := &s.judgement
	j.typ = Type(d.below(uint64(TypeCount)))
	s.confirmed, s.counted, s.violation = has&suspectConfirmed != 0, has&suspectCounted != 0, has&suspectViolation != 0
	j.violated, j.origin.known, j.origin.authentication = has&suspectViolated != 0, has&suspectOriginKnown != 0, has&suspectOriginAuthentication != 0
	for _, v := range [...]*int64{&s.due, &j.at, &j.since, &j.overrun, &j.origin.at, &j.authentication} {
		*v = d.varint()
	}
	j.by, j.doubt = d.string(), d.string()
	s.service = uint32(d.below(1 << 32))
	s.resource = d.resource()
	return s, number
}

func appendFinding(b []byte, f *Finding) []byte {
	b = binary.BigEndian.AppendUint64(b, f.ID)
	b = append(append(b, f.Session[:]...), appendBool(nil, f.User != Pseudonym{})...)
	if f.User != (Pseudonym{}) {
		b = append(b, f.User[:]...)
	}
	b = append(b, byte(f.State), byte(f.Type))
	for _, v := range [...]int64{
		int64(f.Revision), int64(f.Policy), f.At, f.DecidedAt, f.Overrun, f.ExpiredAt, int64(f.Requests), f.FirstAt, f.LastAt,
		f.StartedAt, f.LastActivityAt,
	} {
		b = binary.AppendVarint(b, v)
	}
	for _, v := range [...]bool{f.StartKnown, f.Identity, f.Background} {
		b = appendBool(b, v)
	}
	b = appendString(appendString(b, f.Reason), f.EndedBy)
	b = append(append(b, f.Trace[:]...), f.Span[:]...)
	return appendDetails(appendResource(b, &f.Resource), &f.Details)
}

func (d *decoder) finding() (f Finding) {
	f.ID = d.uint64()
	d.copy(f.Session[:])
	if d.bool() {
		d.copy(f.User[:])
	}
	f.State, f.Type = State(d.below(uint64(StateCount))), Type(d.below(uint64(TypeCount)))
	var revision, policy, requests int64
	for _, v := range [...]*int64{
		&revision, &policy, &f.At, &f.DecidedAt, &f.Overrun, &f.ExpiredAt, &requests, &f.FirstAt, &f.LastAt,
		&f.StartedAt, &f.LastActivityAt,
	} {
		*v = d.varint()
	}
	f.Revision, f.Policy, f.Requests = int(revision), int(policy), int(requests)
	for _, v := range [...]*bool{&f.StartKnown, &f.Identity, &f.Background} {
		*v = d.bool()
	}
	f.Reason, f.EndedBy = d.string(), d.string()
	d.copy(f.Trace[:])
	d.copy(f.Span[:])
	f.Resource = d.resource()
	f.Details = d.details()
	return f
}

func appendClosed(b []byte, id uint64, f *closedFinding) []byte {
	b = append(binary.BigEndian.AppendUint64(b, id), byte(f.state), byte(f.typ))
	for _, v := range [...]int64{int64(f.revision), int64(f.requests), f.first, f.last, f.sentAt} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func (d *decoder) closedFinding() (id uint64, f closedFinding) {
	id = d.uint64()
	f.state, f.typ = State(d.below(uint64(StateCount))), Type(d.below(uint64(TypeCount)))
	f.revision, f.requests = int(d.varint()), int(d.varint())
	f.first, f.last, f.sentAt = d.varint(), d.varint(), d.varint()
	return id, f
}

func (d *decoder) uint64() uint64 {
	var b [8]byte
	d.copy(b[:])
	return binary.BigEndian.Uint64(b[:])
}
