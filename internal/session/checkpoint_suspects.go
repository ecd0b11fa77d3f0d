package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What is stored of suspects and findings, one after the other.
const (
	tagSuspect = iota + 1
	tagSeq     // before version 3: of the suspects of one session
	tagFinding
	tagOut    // a finding that was not taken yet: of version 2
	tagPartly // a finding that was closed before, and has not been sent since
	tagClosed
)

// beginPass begins a pass over the suspects.
func (x *suspects) beginPass(stored []chunkRange) *rangedPass {
	return x.placed.beginPass(stored, func(buf []byte, s *suspect) []byte {
		return appendSuspect(append(buf, tagSuspect), s)
	})
}

// beginPass begins a pass over the open findings. Members are decided suspects, whose
// numbers stay.
func (f *findings) beginPass(stored []chunkRange) *rangedPass {
	return f.placed.beginPass(stored, func(buf []byte, x *finding) []byte {
		tag := byte(tagFinding)
		if x.partly {
			tag = tagPartly
		}
		buf = wire.AppendUint128(binary.BigEndian.AppendUint64(append(buf, tag), x.id), x.session)
		buf = binary.AppendUvarint(buf, uint64(len(x.members)))
		for _, s := range x.members {
			buf = binary.AppendUvarint(buf, s.number)
		}
		buf = binary.AppendUvarint(buf, uint64(x.more))
		buf = binary.AppendVarint(buf, x.moreFirst)
		buf = binary.AppendVarint(buf, x.moreLast)
		buf = wire.AppendBool(wire.AppendBool(buf, x.dirty || x.inLater >= 0), x.sent)
		if x.sent {
			buf = appendFinding(binary.AppendVarint(buf, x.sentAt), &x.last)
		}
		return buf
	})
}

// beginPass begins a pass over the closed findings.
func (c *closedFindings) beginPass(stored []chunkRange) *rangedPass {
	return c.placed.beginPass(stored, func(buf []byte, f *closedFinding) []byte {
		return appendClosed(append(buf, tagClosed), f)
	})
}

func compareID(a, b fact.ID) int {
	switch {
	case a == b:
		return 0
	case a.Less(b):
		return -1
	}
	return 1
}

const (
	suspectDecided = 1 << iota
	suspectCounted
	suspectViolation
	suspectViolated
	suspectOriginKnown
	suspectOriginAuthentication
)

func appendSuspect(b []byte, s *suspect) []byte {
	b = binary.AppendUvarint(binary.AppendUvarint(b, s.number), uint64(s.inSession))
	b = fact.AppendDetails(appendRecord(b, &s.record, true, 0), &s.details)
	j := &s.judgement
	var has byte
	for i, set := range [...]bool{s.decided, s.counted, s.violation, j.violated, j.origin.known, j.origin.authentication} {
		if set {
			has |= 1 << i
		}
	}
	b = append(b, has, byte(j.typ))
	for _, v := range [...]int64{s.due, j.at, j.since, j.overrun, j.origin.at, j.authentication} {
		b = binary.AppendVarint(b, v)
	}
	b = wire.AppendText(wire.AppendText(b, j.by), j.doubt)
	b = binary.AppendUvarint(b, uint64(s.service))
	return fact.AppendResource(b, &s.resource)
}

// suspect reads one, whose number and place in its session are those that it had.
func readSuspect(d *wire.Decoder) (s *suspect) {
	s = &suspect{number: d.Uvarint()}
	if d.Version >= 3 {
		s.inSession = int(d.Below(1 << 31))
	}
	s.record, s.details = readRecord(d, 0)
	has := d.Byte()
	j := &s.judgement
	j.typ = fact.Type(d.Below(uint64(fact.TypeCount)))
	s.decided, s.counted, s.violation = has&suspectDecided != 0, has&suspectCounted != 0, has&suspectViolation != 0
	j.violated, j.origin.known, j.origin.authentication = has&suspectViolated != 0, has&suspectOriginKnown != 0, has&suspectOriginAuthentication != 0
	for _, v := range [...]*int64{&s.due, &j.at, &j.since, &j.overrun, &j.origin.at, &j.authentication} {
		*v = d.Varint()
	}
	j.by, j.doubt = d.Text(), d.Text()
	s.service = uint32(d.Below(1 << 32))
	s.resource = fact.ReadResource(d)
	return s
}

func appendFinding(b []byte, f *fact.Finding) []byte {
	b = binary.BigEndian.AppendUint64(b, f.ID)
	b = append(append(b, f.Session[:]...), wire.AppendBool(nil, f.User != fact.Pseudonym{})...)
	if f.User != (fact.Pseudonym{}) {
		b = append(b, f.User[:]...)
	}
	b = append(b, byte(f.State), byte(f.Type))
	for _, v := range [...]int64{
		int64(f.Revision), int64(f.Policy), f.At, f.DecidedAt, f.Overrun, f.ExpiredAt, int64(f.Requests), f.FirstAt, f.LastAt,
		f.StartedAt, f.LastActivityAt,
	} {
		b = binary.AppendVarint(b, v)
	}
	b = append(wire.AppendBool(b, f.StartKnown), byte(f.Evidence))
	b = wire.AppendBool(b, f.Background)
	b = wire.AppendText(wire.AppendText(b, f.Reason), f.EndedBy)
	b = append(append(b, f.Trace[:]...), f.Span[:]...)
	return fact.AppendDetails(fact.AppendResource(b, &f.Resource), &f.Details)
}

func readFinding(d *wire.Decoder) (f fact.Finding) {
	f.ID = d.Uint64()
	d.Copy(f.Session[:])
	if d.Bool() {
		d.Copy(f.User[:])
	}
	f.State, f.Type = fact.State(d.Below(uint64(fact.StateCount))), fact.Type(d.Below(uint64(fact.TypeCount)))
	var revision, policy, requests int64
	for _, v := range [...]*int64{
		&revision, &policy, &f.At, &f.DecidedAt, &f.Overrun, &f.ExpiredAt, &requests, &f.FirstAt, &f.LastAt,
		&f.StartedAt, &f.LastActivityAt,
	} {
		*v = d.Varint()
	}
	f.Revision, f.Policy, f.Requests = int(revision), int(policy), int(requests)
	f.StartKnown = d.Bool()
	if f.Evidence = fact.Evidence(d.Byte()); f.Evidence >= fact.EvidenceCount {
		d.Fail()
		f.Evidence = 0
	}
	f.Background = d.Bool()
	f.Reason, f.EndedBy = d.Text(), d.Text()
	d.Copy(f.Trace[:])
	d.Copy(f.Span[:])
	f.Resource = fact.ReadResource(d)
	f.Details = fact.ReadDetails(d, d.Version >= 3)
	return f
}

func appendClosed(b []byte, f *closedFinding) []byte {
	b = append(binary.BigEndian.AppendUint64(b, f.id), byte(f.state), byte(f.typ))
	b = binary.AppendUvarint(b, f.number)
	for _, v := range [...]int64{int64(f.revision), int64(f.requests), f.first, f.last, f.sentAt} {
		b = binary.AppendVarint(b, v)
	}
	return b
}

func readClosedFinding(d *wire.Decoder) *closedFinding {
	f := &closedFinding{id: d.Uint64()}
	f.state, f.typ = fact.State(d.Below(uint64(fact.StateCount))), fact.Type(d.Below(uint64(fact.TypeCount)))
	if d.Version >= 3 {
		f.number = d.Uvarint()
	}
	f.revision, f.requests = int(d.Varint()), int(d.Varint())
	f.first, f.last, f.sentAt = d.Varint(), d.Varint(), d.Varint()
	return f
}
