package session

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"slices"
)

// maxMembers bounds the requests of one finding that can still be cleared one
// by one. Beyond it the oldest but the first count as served for good.
const maxMembers = 64

// finding is one open finding and the suspects that it stands on.
type finding struct {
	id      uint64
	session ID
	members []*suspect
	// given up members, all conclusive
	more                int
	moreFirst, moreLast int64

	last   Finding // as it was sent last
	sent   bool
	sentAt int64
	dirty  bool
	closed bool // it stays as it was reported
}

// findings are the open ones by id. A retracted one is kept as long as its
// session, so that its revisions go on if it comes back.
type findings struct {
	open      map[uint64]*finding
	bySession map[ID][]uint64
	dirty     []*finding
}

func newFindings() findings {
	return findings{open: map[uint64]*finding{}, bySession: map[ID][]uint64{}}
}

// close forgets the findings of a session that is forgotten.
func (f *findings) close(session ID) {
	for _, id := range slices.Clone(f.bySession[session]) {
		f.forget(f.open[id])
	}
}

// forget lets go of x.
func (f *findings) forget(x *finding) {
	x.closed = true
	delete(f.open, x.id)
	ids := f.bySession[x.session]
	if i := slices.Index(ids, x.id); i >= 0 {
		ids = slices.Delete(ids, i, i+1)
	}
	if len(ids) == 0 {
		delete(f.bySession, x.session)
	} else {
		f.bySession[x.session] = ids
	}
}

// assign puts s in the finding that its judgement belongs to.
func (f *findings) assign(e *Engine, s *suspect) {
	id := e.findingID(s)
	if s.finding != nil && s.finding.id != id {
		f.leave(s)
	}
	to := f.open[id]
	if to == nil {
		to = &finding{id: id, session: s.session, moreFirst: unset}
		f.open[id] = to
		f.bySession[s.session] = append(f.bySession[s.session], id)
	}
	if s.finding == nil {
		s.finding = to
		to.members = append(to.members, s)
	}
	f.touch(to)
	if len(to.members) > maxMembers {
		e.giveUp(to)
	}
}

// leave takes s out of its finding.
func (f *findings) leave(s *suspect) {
	if s.finding == nil {
		return
	}
	from := s.finding
	s.finding = nil
	if i := slices.Index(from.members, s); i >= 0 {
		from.members = slices.Delete(from.members, i, i+1)
	}
	f.touch(from)
}

func (f *findings) touch(x *finding) {
	if !x.dirty {
		x.dirty = true
		f.dirty = append(f.dirty, x)
	}
}

// giveUp makes room: the oldest conclusive member but the first can no longer
// be cleared.
func (e *Engine) giveUp(f *finding) {
	first := f.offender(true)
	for _, s := range f.members {
		if s == first || s.judgement.doubt != "" {
			continue
		}
		f.more++
		f.moreFirst = min(f.moreFirst, s.At)
		f.moreLast = max(f.moreLast, s.At)
		e.drop(s)
		return
	}
	// All inconclusive: one less changes nothing but their number.
	e.drop(f.members[len(f.members)-1])
}

// offender returns the request that the finding is about: the first that is
// conclusive, or not.
func (f *finding) offender(sure bool) *suspect {
	var first *suspect
	for _, s := range f.members {
		if (s.judgement.doubt == "") == sure && (first == nil || s.speaksBefore(first)) {
			first = s
		}
	}
	return first
}

// speaksBefore reports whether a finding is about s rather than about o:
// background work, which may be nobody's concern, hides no request.
func (s *suspect) speaksBefore(o *suspect) bool {
	if a, b := s.flags&Consumer, o.flags&Consumer; a != b {
		return a == 0
	}
	return s.before(&o.record)
}

// before orders requests by their start.
func (r *record) before(o *record) bool {
	if r.Eff != o.Eff {
		return r.Eff < o.Eff
	}
	if r.At != o.At {
		return r.At < o.At
	}
	if r.span != o.span {
		return string(r.span[:]) < string(o.span[:])
	}
	return string(r.trace[:]) < string(o.trace[:])
}

// content is what f says now. ok is false if nothing is left of it.
func (e *Engine) content(f *finding) (c Finding, ok bool) {
	sure := true
	s := f.offender(sure)
	if s == nil {
		sure = false
		s = f.offender(sure)
	}
	if s == nil {
		return Finding{}, false
	}
	j := &s.judgement
	c = Finding{
		ID: f.id, Type: j.typ, Reason: j.doubt,
		Session: s.t.pseudonym, Policy: int(s.policy),
		Resource: s.resource, Details: s.details, Trace: s.trace, Span: s.span, At: s.At,
		Overrun: j.overrun, ExpiredAt: j.at, StartedAt: j.origin.at, StartKnown: j.origin.known, EndedBy: j.by,
		Identity: !s.user.IsZero(), Background: s.flags&Consumer != 0,
		FirstAt: unset,
	}
	if !sure {
		c.State = Inconclusive
	}
	if j.typ == IdleTimeout {
		c.LastActivityAt = j.since
	}
	e.visits = 0
	if user, known := e.identityOf(s.t, s.order, max(s.At, s.End), int64(e.cfg.Policies[s.policy].Tolerance)); known {
		c.User = e.users.pseudonymOf(user)
	}
	for _, m := range f.members {
		if (m.judgement.doubt == "") == sure {
			c.Requests++
			c.FirstAt, c.LastAt = min(c.FirstAt, m.At), max(c.LastAt, m.At)
		}
	}
	if sure && f.more > 0 {
		c.Requests += f.more
		c.FirstAt, c.LastAt = min(c.FirstAt, f.moreFirst), max(c.LastAt, f.moreLast)
	}
	return c, true
}

// report sends what has changed: at once where somebody would act on it,
// otherwise no more often than Config.UpdateInterval. all: whatever is new.
func (e *Engine) report(now int64, all bool) {
	kept, from := e.findings.dirty[:0], len(e.out)
	for _, f := range e.findings.dirty {
		if e.reportOne(f, now, all) {
			f.dirty = false
		} else {
			kept = append(kept, f)
		}
	}
	clear(e.findings.dirty[len(kept):])
	e.findings.dirty = kept
	// In an order that does not depend on the way that led here.
	slices.SortFunc(e.out[from:], func(a, b Finding) int { return cmp.Compare(a.ID, b.ID) })
}

func (e *Engine) reportOne(f *finding, now int64, all bool) (done bool) {
	if f.closed {
		return true
	}
	c, ok := e.content(f)
	if !ok {
		if !f.sent {
			e.findings.forget(f)
		}
		if !f.sent || f.last.State == Retracted {
			return true
		}
		if e.awaited(f) {
			return false
		}
		c = f.last
		c.State, c.Reason = Retracted, ""
	}
	same := f.last
	same.Revision, same.DecidedAt, c.Revision, c.DecidedAt = 0, 0, 0, 0
	if f.sent && same == c {
		return true
	}
	urgent := !f.sent || same.State != c.State || same.Type != c.Type
	if !urgent && !all && now-f.sentAt < int64(e.cfg.UpdateInterval) {
		return false
	}
	if !f.sent || same.State != c.State {
		e.stats.findings[c.State]++
	}
	c.Revision, c.DecidedAt = f.last.Revision+1, now
	f.last, f.sent, f.sentAt = c, true, now
	e.out = append(e.out, c)
	return true
}

// awaited reports whether a request that waits for its decision may yet be
// what f stands on: then it is no time to take f back.
func (e *Engine) awaited(f *finding) bool {
	return slices.ContainsFunc(e.suspects[f.session], func(s *suspect) bool {
		return !s.confirmed && s.judgement.violated && e.findingID(s) == f.id
	})
}

// findingID is the same for the same violation wherever it is found.
func (e *Engine) findingID(s *suspect) uint64 {
	h := sha256.New()
	h.Write(s.t.pseudonym[:])
	for _, part := range [...]string{
		e.cfg.Policies[s.policy].Name,
		s.resource.ServiceName, s.resource.ServiceNamespace, s.resource.Environment,
	} {
		h.Write(binary.AppendUvarint(nil, uint64(len(part))))
		h.Write([]byte(part))
	}
	if !e.cfg.PerRequest {
		h.Write(binary.BigEndian.AppendUint64([]byte{0}, uint64(s.judgement.authentication)))
	} else {
		b := []byte{1}
		if s.identified() {
			b = append(append(b, s.trace[:]...), s.span[:]...)
		} else {
			b = binary.BigEndian.AppendUint64(b, uint64(s.Start))
			b = binary.BigEndian.AppendUint64(b, uint64(s.End))
			b = append(append(append(append(b, s.details.Method...), 0), s.details.Path...), s.details.Route...)
		}
		h.Write(b)
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
