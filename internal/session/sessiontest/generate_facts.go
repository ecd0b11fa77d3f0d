package sessiontest

import (
	"slices"
	"strconv"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// changeID draws an end and a start of another id that follow one another closely, in one
// order or the other: a layer that reports a change of ids so, a refresh that lands behind
// a logout, or a new id for whoever comes next.
func (m *maker) changeID(s *madeSession) {
	at, p := m.when(s), among(m, m.cfg.Policies...)
	f := fact.Fact{Session: s.name, Start: at, End: at, At: at, Resource: Resources[among(m, ResourceNames...)]}
	show := func(user fact.Name, percent int) {
		if f.User, f.UserSource = (fact.Name{}), 0; m.chance(percent) {
			m.shown(&f, user)
		}
	}
	move := func(by int64) { f.Start, f.End, f.At = f.At+by, f.At+by, f.At+by }
	if m.chance(50) {
		f.Kind = among(m, fact.Activity, fact.Started, fact.Authenticated)
		if show(s.user, 80); f.Kind == fact.Authenticated && !m.logins {
			f.Kind = fact.Activity
		}
		m.facts = append(m.facts, f)
		move(int64(among(m, time.Second, 5*time.Second, p.Tolerance)))
	}
	end := f
	end.Kind, end.User, end.UserSource = fact.Ended, fact.Name{}, 0
	if m.chance(20) && s.user.Raw != "" {
		end.Kind, end.User, end.Session = fact.EndedUser, s.user, fact.Name{}
	}
	m.facts = append(m.facts, end)
	m.mark(s, f.At)
	next := among(m, m.sessions...)
	f.Kind, f.Session, f.Previous = fact.Rotated, next.name, new(s.name)
	move(int64(among(m, p.Tolerance, 0, 1, -p.Tolerance, p.RotationGrace, time.Second, p.Tolerance+1, p.RotationGrace+1, -time.Second)))
	show(s.user, 25)
	m.facts = append(m.facts, f)
	m.mark(next, f.At)
	m.mark(s, f.At)
	if m.chance(60) {
		move(int64(among(m, 0, p.Tolerance, 1, p.Tolerance+1, p.RotationGrace, p.RotationGrace+1)))
		f.Kind, f.Previous = fact.Activity, nil
		show(among(m, s.user, s.user, next.user), 80)
		m.facts = append(m.facts, f)
		m.mark(next, f.At)
	}
	next.cursor = max(next.cursor, f.At)
}

// anonymous draws an id that shows nobody, ends and is rotated onto another one a little
// later: whether it goes on nobody can say.
func (m *maker) anonymous(cursor int64) {
	a, b := &madeSession{name: SessionName(len(m.sessions))}, &madeSession{name: SessionName(len(m.sessions) + 1)}
	m.sessions = append(m.sessions, a, b)
	policy := m.Roll(len(m.cfg.Policies))
	p := m.cfg.Policies[policy]
	f := fact.Fact{Session: a.name, Resource: Resources[among(m, ResourceNames...)]}
	add := func(kind fact.Kind, session fact.Name, by time.Duration) {
		cursor += int64(by)
		f.Kind, f.Session, f.Start, f.End, f.At = kind, session, cursor, cursor, cursor
		m.facts = append(m.facts, f)
		m.mark(among(m, a, b), cursor)
	}
	add(among(m, fact.Started, fact.Activity), a.name, 0)
	add(fact.Ended, a.name, among(m, 3*time.Second, p.Tolerance+1, 10*time.Second))
	f.Previous = new(a.name)
	add(fact.Rotated, b.name, among(m, p.Tolerance+1, p.RotationGrace, (p.Tolerance+p.RotationGrace)/2, p.RotationGrace+1, p.Tolerance))
	f.Previous = nil
	f.Policy, f.Details = uint8(policy), fact.Details{Method: "GET", Route: "/b", Status: 200}
	f.Trace, f.Span = m.ids()
	add(fact.Request, b.name, among(m, p.EndGrace+p.Tolerance+1, p.Tolerance, 20*time.Second))
	a.marks, b.marks, a.cursor, b.cursor = append(a.marks, cursor), append(b.marks, cursor), cursor, cursor
}

// happen lets one thing happen to s.
func (m *maker) happen(s *madeSession) {
	switch x := m.Roll(400); {
	case x >= 395:
		m.changeID(s)
		return
	case x >= 393 && len(m.sessions) < 8:
		m.anonymous(m.when(s))
		return
	}
	at := m.when(s)
	f := fact.Fact{Session: s.name, Start: at, End: at, At: at, Resource: Resources[among(m, ResourceNames...)]}
	ends := 7
	if m.calm {
		ends = 2
	}
	switch x := m.Roll(100); {
	case x < 66:
		m.request(s, f)
		return
	case x < 70:
		f.Kind = fact.Activity
	case x < 76:
		f.Kind = fact.Started
	case x < 82:
		f.Kind = fact.Authenticated
		if !m.logins {
			f.Kind = fact.Activity
		}
	case x < 87:
		m.dress(s, &f)
		f.Flags |= fact.Exempt
		f.End = at + int64(among(m, time.Second, 10*time.Second, 60*time.Second))
		f.Trace, f.Span = m.ids()
		m.inside(s, f)
	case x < 87+ends:
		f.Kind = fact.Rotated
		f.Previous = new(among(m, m.sessions...).name)
		for _, other := range m.sessions {
			if other.name == *f.Previous {
				m.mark(other, at)
			}
		}
		if m.chance(15) { // a fork
			m.facts = append(m.facts, f)
			f.Previous = new(among(m, m.sessions...).name)
		}
	case x < 87+ends+ends/2+1:
		f.Kind, f.User = fact.Ended, fact.Name{}
	case x < 87+ends+ends/2+1+ends/3+1+m.Roll(2):
		f.Kind, f.User = fact.EndedUser, UserName(m.Roll(m.users))
		f.Session = among(m, fact.Name{}, s.name)
		for _, other := range m.sessions {
			m.mark(other, at)
		}
	default:
		f.Kind = fact.Started
	}
	if f.Kind != fact.EndedUser && f.Kind != fact.Request && m.chance(30) {
		m.shown(&f, s.user)
	}
	if f.Kind != fact.EndedUser && f.Kind != fact.Request {
		m.linked(s, &f)
	}
	m.mark(s, f.At)
	m.facts = append(m.facts, f)
}

func (m *maker) ids() (trace [16]byte, span [8]byte) {
	m.trace++
	m.span++
	return [16]byte{m.trace}, [8]byte{m.span}
}

// request draws one request that begins when f does, and the other records of it.
func (m *maker) request(s *madeSession, f fact.Fact) {
	f.End = f.Start + int64(among(m, 0, time.Second/10, time.Second, 1, 3*time.Second, 12*time.Second))
	if m.chance(4) {
		f.End = f.Start + int64(among(m, 30*time.Second, 90*time.Second))
	}
	m.dress(s, &f)
	if m.chance(75) {
		f.Trace, f.Span = m.ids()
	} else if m.chance(20) {
		f.Trace, _ = m.ids()
	}
	if m.chance(10) { // a log record without a duration
		f.Flags |= fact.FromLog
		f.At, f.Start = f.End, f.End-int64(among(m, 10*time.Second, 60*time.Second))
	}
	if !HasBothIDs(&f) || f.Flags.Has(fact.FromLog) {
		m.tellApart(&f)
	}
	m.mark(s, f.Start)
	m.mark(s, f.End)
	m.facts = append(m.facts, f)
	for n := 0; HasBothIDs(&f) && m.chance(15); n++ {
		m.facts = append(m.facts, m.duplicate(s, f, n > 0))
	}
	if HasBothIDs(&f) && m.chance(25) {
		m.inside(s, f)
	}
	if f.Outcome == fact.Served && m.chance(12) {
		m.says(f)
	}
}

// says draws what a request says at its end.
func (m *maker) says(r fact.Fact) {
	f := fact.Fact{
		Kind: among(m, fact.Started, fact.Started, fact.Rotated), Session: r.Session, User: r.User, UserSource: r.UserSource, Policy: r.Policy,
		Flags: fact.FromRequest | r.Flags&(fact.Presented|fact.UserPresented), Trace: r.Trace, Span: r.Span, Resource: r.Resource,
	}
	if f.Start, f.End, f.At = r.End, r.End, r.End; f.Kind == fact.Rotated {
		f.Previous = new(among(m, m.sessions...).name)
	}
	m.facts = append(m.facts, f)
}

// tellApart moves f on until no other has its time: two requests of their own would be
// told apart by nothing that a finding says.
func (m *maker) tellApart(f *fact.Fact) {
	for m.times[[2]int64{int64(f.Session.ID[1]), f.At}] {
		f.Start, f.At, f.End = f.Start+1, f.At+1, f.End+1
	}
	m.times[[2]int64{int64(f.Session.ID[1]), f.At}] = true
}

// HasBothIDs reports whether f can be told from other requests. One that cannot is a
// request of its own and lies inside nothing.
func HasBothIDs(f *fact.Fact) bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// dress draws what a request says beside its times.
func (m *maker) dress(s *madeSession, f *fact.Fact) {
	f.Policy = uint8(m.Roll(len(m.cfg.Policies)))
	if m.chance(4) {
		f.Policy = fact.NoPolicy
	}
	f.Outcome = among(m, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Indeterminate, fact.Rejected)
	m.linked(s, f)
	f.Details = fact.Details{Method: "GET", Route: "/" + strconv.Itoa(int(f.Start%7)), Status: 200}
	if m.chance(40) {
		m.shown(f, s.user)
	} else if m.chance(4) {
		m.shown(f, UserName(m.Roll(m.users)))
	}
	for _, x := range []struct {
		flag    fact.Flags
		percent int
	}{{fact.Consumer, 10}, {fact.Passive, 8}, {fact.Stream, 6}, {fact.Presented, 12}, {fact.Options, 5}, {fact.UserPresented, 5}, {fact.Exempt, 4}} {
		if m.chance(x.percent) {
			f.Flags |= x.flag
		}
	}
	if m.sampled && m.chance(10) {
		f.Flags |= fact.Sampled
	}
}

// present lets the details of a request name the user whom the client presented.
func present(f *fact.Fact) {
	if f.Details.User = ""; f.Kind == fact.Request && f.Flags.Has(fact.UserPresented) && f.User.Raw != "" {
		p := Pseudonym(f.User.Raw)
		f.Details.User = string(p[:])
	}
}

// linked lets f name the larger session that its own is part of, if the history has some.
func (m *maker) linked(s *madeSession, f *fact.Fact) {
	if s.larger.Raw != "" && m.chance(35) {
		if f.Linked = new(s.larger); m.chance(6) {
			f.Linked = new(among(m, m.sessions...).name)
		}
	}
}

// shown lets f show a user, whom now and then another source names. No session changes
// its user more often than an engine is to know of.
func (m *maker) shown(f *fact.Fact, user fact.Name) {
	i := slices.IndexFunc(m.sessions, func(s *madeSession) bool { return s.name == f.Session })
	switch s := m.sessions[i]; {
	case s.placeholder && s.others < 8:
		user = UserName(m.Roll(4))
		s.others++
	case s.placeholder:
		user = fact.Name{}
	case user == s.user || user.Raw == "":
	case s.others < 3:
		s.others++
	default:
		user = s.user
	}
	f.User, f.UserSource = user, 0
	if user.Raw != "" && m.chance(12) {
		f.UserSource = uint8(1 + m.Roll(2))
	}
}

// duplicate draws another record of the request f: its access log, or its span once
// more with something else to say.
func (m *maker) duplicate(s *madeSession, f fact.Fact, logged bool) fact.Fact {
	if logged || m.chance(70) {
		f.Flags |= fact.FromLog
	}
	f.Start += int64(among(m, -time.Second/10, 0, 1, -time.Second))
	f.End = max(f.Start, f.End+int64(among(m, 0, time.Second/10, -1, -60*time.Second)))
	f.At = among(m, f.Start, f.End)
	if m.chance(30) {
		f.Outcome = fact.Outcome(m.Roll(3))
	}
	if m.chance(30) {
		m.shown(&f, among(m, fact.Name{}, s.user))
	}
	if m.chance(20) {
		f.Resource = Resources["api"]
		f.Policy = uint8(m.Roll(len(m.cfg.Policies)))
	}
	if f.Flags.Has(fact.FromLog) { // which say nothing of who called
		f.Flags, f.Parent = f.Flags&^fact.ParentLocal, [8]byte{}
	}
	if m.chance(20) {
		f.Flags ^= among(m, fact.Exempt, fact.Passive, fact.Stream, fact.Consumer)
	}
	f.Details = fact.Details{Method: "POST", Path: "/log" + strconv.Itoa(int(f.Start%7)), Status: 200}
	if f.Flags.Has(fact.FromLog) {
		m.tellApart(&f)
	}
	return f
}

// inside draws requests that lie inside outer, or just not.
func (m *maker) inside(s *madeSession, outer fact.Fact) {
	for range 1 + m.Roll(2) {
		f := outer
		f.Kind = fact.Request
		f.Start = among(m, outer.Start, outer.End, outer.Start+(outer.End-outer.Start)/2, outer.Start-1, outer.Start+1)
		f.End = among(m, outer.End, f.Start, outer.End+1, outer.End-1)
		f.End, f.Flags = max(f.Start, f.End), 0
		f.At = f.Start
		m.span++
		f.Span, f.Parent = [8]byte{m.span}, [8]byte{}
		f.Resource = Resources[among(m, ResourceNames...)]
		if m.chance(8) {
			f.Session = among(m, m.sessions...).name
		}
		m.dress(s, &f)
		m.parent(&f)
		m.mark(s, f.Start)
		m.facts = append(m.facts, f)
		if m.chance(30) {
			outer = f
		}
	}
}

// parent draws what the record says of who called it, if the history has callers: a span
// of its process, one that comes, or one that never does.
func (m *maker) parent(f *fact.Fact) {
	if !m.called || m.chance(30) {
		return
	}
	m.span++
	f.Parent = [8]byte{m.span}
	switch x := m.Roll(100); {
	case x < 40:
		m.callers = append(m.callers, fact.Caller{Trace: f.Trace, Span: f.Parent, Calls: m.chance(85), Start: f.Start, End: f.End, Resource: Resources[among(m, m.calling...)]})
	case x < 70:
		f.Flags |= fact.ParentLocal
	case m.blind && len(m.blinds) < 3: // perhaps it came while nobody saw it
		m.blinds = append(m.blinds, Blindness{From: f.Start - int64(10*time.Second), To: f.Start + int64(among(m, 0, time.Second, -2*time.Second)), Reason: "shed"})
	}
}

// deep draws a long trace: requests that lie inside one another or just not, some of
// them told of twice.
func (m *maker) deep(s *madeSession) {
	at := m.when(s)
	f := fact.Fact{Session: s.name, Start: at, End: at + int64(among(m, 12*time.Second, time.Second, 60*time.Second)), At: at, Resource: Resources[among(m, ResourceNames...)]}
	m.dress(s, &f)
	f.Trace, f.Span = m.ids()
	first := len(m.facts)
	m.facts = append(m.facts, f)
	for range 4 + m.Roll(12) {
		o := among(m, m.facts[first:]...)
		if m.chance(20) {
			if o.Kind == fact.Request {
				m.facts = append(m.facts, m.duplicate(s, o, false))
			}
			continue
		}
		f := o
		f.Kind, f.Flags = fact.Request, 0
		f.Start += int64(among(m, 0, 1, time.Second, -1, -time.Second, 5*time.Second))
		f.End = max(f.Start, f.End+int64(among(m, 0, -1, -time.Second, 1, time.Second, -5*time.Second)))
		f.At = f.Start
		m.span++
		f.Span, f.Parent = [8]byte{m.span}, [8]byte{}
		m.dress(s, &f)
		m.parent(&f)
		if m.chance(4) {
			f.Flags |= fact.Exempt
		}
		m.mark(s, f.Start)
		m.facts = append(m.facts, f)
	}
}
