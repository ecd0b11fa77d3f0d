package sessiontest

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// An episode is what happens one after another where a rule decides, which facts that
// are drawn one by one seldom make: the session dies in one way or two, and then it is
// asked whether it did. Its instants lie at the rule's boundary or just beside it.
type episode struct {
	*maker
	s      *madeSession // whose requests are judged
	policy uint8        // which governs them
	p      *Policy
	at     int64   // how far it has come
	deaths []int64 // when the session may have expired
}

// episode draws one.
func (m *maker) episode() {
	e := &episode{maker: m, s: m.someSession(75), policy: uint8(m.Roll(len(m.cfg.Policies)))}
	e.p, e.at = &m.cfg.Policies[e.policy], e.s.cursor
	dies := []func(*episode){(*episode).ended, (*episode).revoked, (*episode).linked, (*episode).silent, (*episode).silent, (*episode).old, (*episode).deadParent, (*episode).nobodysParent, (*episode).changed}
	among(m, dies...)(e)
	if m.chance(50) {
		among(m, dies...)(e)
	}
	asks := []func(*episode){(*episode).plain, (*episode).weak, (*episode).refused, (*episode).refused, (*episode).nested, (*episode).logged, (*episode).deep}
	if m.chance(15) {
		e.busy()
	}
	for range 1 + m.Roll(3) {
		among(m, asks...)(e)
	}
}

// maxSessions are so few that an engine has room for all of them.
const maxSessions = 18

// someSession is a session that nothing was said of yet, in so many of a hundred cases
// where there is room for one, or any.
func (m *maker) someSession(percent int) *madeSession {
	if n := len(m.sessions); n < maxSessions && m.chance(percent) {
		m.sessions = append(m.sessions, &madeSession{name: SessionName(n), user: UserName(m.Roll(m.users)), cursor: among(m, m.sessions...).cursor})
		s := m.sessions[n]
		s.marks = []int64{s.cursor}
		return s
	}
	return among(m, m.sessions...)
}

// wait lets one of some times pass, or almost.
func (e *episode) wait(of ...time.Duration) { e.at += int64(e.about(of...)) }

// about is one of some times, or almost.
func (e *episode) about(of ...time.Duration) time.Duration {
	return among(e.maker, of...) + among[time.Duration](e.maker, 0, 0, 0, 0, 0, 1, -1)
}

// step lets a little time pass.
func (e *episode) step() { e.wait(time.Second, 2*time.Second, 3*time.Second) }

// tell tells of an event of s, now. What it returns holds up to the next.
func (e *episode) tell(kind fact.Kind, s *madeSession) *fact.Fact {
	e.mark(s, e.at)
	e.facts = append(e.facts, fact.Fact{Kind: kind, Session: s.name, Start: e.at, End: e.at, At: e.at, Resource: Resources[among(e.maker, ResourceNames...)]})
	return &e.facts[len(e.facts)-1]
}

// ask tells of a served request of s, now.
func (e *episode) ask(s *madeSession) *fact.Fact {
	f := e.tell(fact.Request, s)
	f.Policy, f.Details = e.policy, fact.Details{Method: "GET", Route: "/e", Status: 200}
	f.Trace, f.Span = e.ids()
	return f
}

// show lets f show the user of s, in so many of a hundred cases.
func (e *episode) show(f *fact.Fact, s *madeSession, percent int) {
	if e.chance(percent) {
		e.shown(f, s.user)
	}
}

// dies remembers when the session may have expired.
func (e *episode) dies(at int64) { e.deaths = append(e.deaths, at) }

// otherThan is another user.
func otherThan(user fact.Name, m *maker) fact.Name {
	i := 0
	for UserName(i) != user && i < 3 {
		i++
	}
	return UserName((i + 1 + m.Roll(3)) % 4)
}

// lives tells that s lives, and perhaps of whom.
func (e *episode) lives(s *madeSession, kinds ...fact.Kind) {
	kind := among(e.maker, kinds...)
	if kind == fact.Authenticated && !e.logins {
		kind = fact.Activity
	}
	e.show(e.tell(kind, s), s, 70)
	e.step()
}

// ended: its end is told.
func (e *episode) ended() {
	if e.chance(70) {
		e.lives(e.s, fact.Started, fact.Activity, fact.Authenticated)
	}
	e.tell(fact.Ended, e.s)
	e.dies(e.at + int64(e.p.EndGrace))
}

// revoked: all sessions of a user end, of whom this one is perhaps, or was, or what it
// continues; or which the record spares.
func (e *episode) revoked() {
	first := e.s
	if e.chance(45) {
		first = e.someSession(70)
	}
	e.lives(first, fact.Activity, fact.Started)
	if f := &e.facts[len(e.facts)-1]; f.User.Raw == "" && e.chance(80) {
		e.shown(f, first.user)
	}
	user := e.facts[len(e.facts)-1].User
	if user.Raw == "" {
		user = first.user
	}
	if first != e.s {
		e.tell(fact.Rotated, e.s).Previous = new(first.name)
		e.step()
	}
	spares := among(e.maker, fact.Name{}, fact.Name{}, e.s.name, first.name)
	f := e.tell(fact.EndedUser, e.s)
	f.Session, f.User = spares, user
	e.dies(e.at + int64(e.p.EndGrace))
	if e.chance(60) {
		e.wait(time.Second, 0, 1)
		f = e.tell(fact.Activity, e.s)
		if e.shown(f, otherThan(user, e.maker)); e.chance(60) && f.User.Raw != "" {
			f.UserSource = uint8(1 + e.Roll(2))
		}
	}
}

// linked: the larger session ends that it, or what it continues, named in time.
func (e *episode) linked() {
	larger, by := e.someSession(50), e.s
	if len(e.sessions) > 1 && e.larger {
		larger = e.sessions[0]
	}
	e.larger = true
	names := func() {
		switch kind := among(e.maker, fact.Activity, fact.Request, fact.Request, fact.Authenticated); {
		case kind == fact.Request:
			f := e.ask(by)
			if e.show(f, by, 70); e.chance(60) {
				f.Flags |= fact.Exempt
			}
		case kind == fact.Authenticated && e.logins:
			e.show(e.tell(kind, by), by, 50)
		default:
			e.tell(fact.Activity, by)
		}
		e.facts[len(e.facts)-1].Linked = new(larger.name)
	}
	if e.chance(35) {
		if by = e.someSession(80); by != e.s {
			names()
			e.step()
			e.tell(fact.Rotated, e.s).Previous = new(by.name)
		}
	} else {
		if e.chance(60) {
			e.lives(e.s, fact.Activity, fact.Started)
		}
		names()
	}
	e.step()
	if e.chance(30) && e.logins {
		e.show(e.tell(fact.Authenticated, e.s), e.s, 50)
		e.step()
	}
	e.tell(fact.Ended, larger)
	e.dies(e.at + int64(e.p.EndGrace))
}

// silent: nothing keeps it alive, or what does so perhaps.
func (e *episode) silent() {
	if e.p.IdleTimeout == 0 {
		e.p.IdleTimeout = 5 * time.Second
	}
	idle := e.p.IdleTimeout
	if e.chance(60) {
		e.s = e.someSession(100)
	}
	e.lives(e.s, fact.Activity, fact.Started, fact.Authenticated)
	began := e.facts[len(e.facts)-1].At
	e.dies(began + int64(idle))
	if e.chance(25) {
		return
	}
	e.at = began + int64(e.about(idle, idle*7/10, time.Second))
	f := e.ask(e.s)
	e.show(f, e.s, 40)
	f.Flags |= among(e.maker, fact.Stream, fact.Exempt, fact.Stream, fact.Passive, fact.Consumer, fact.Stream)
	if f.Flags.Has(fact.Stream) || e.chance(30) {
		e.dies(f.Start + int64(idle))
		e.dies(f.Start + int64(idle))
		f.End += int64(e.about(2*idle+2*e.p.Tolerance, 3*idle, time.Second))
	} else {
		e.dies(f.End + int64(idle))
	}
}

// old: it is older than it may be, by what came first, what it continues or who was shown.
func (e *episode) old() {
	if e.p.AbsoluteTimeout == 0 {
		e.p.AbsoluteTimeout = 25 * time.Second
	}
	if e.chance(12) {
		e.p.Evidence = fact.EvidenceIdentity
	}
	first := e.s
	if e.chance(50) {
		first = e.someSession(80)
	}
	f := e.tell(among(e.maker, fact.Started, fact.Activity, fact.Request, fact.Request), first)
	if f.Kind == fact.Request {
		f.Policy, f.Flags, f.Details = e.policy, among(e.maker, fact.Exempt, 0), fact.Details{Method: "GET", Route: "/old", Status: 200}
		f.Trace, f.Span = e.ids()
	}
	e.show(f, first, 30)
	e.dies(f.At + int64(e.p.AbsoluteTimeout))
	e.step()
	if first != e.s {
		e.tell(fact.Rotated, e.s).Previous = new(first.name)
		e.step()
	}
	e.show(e.tell(among(e.maker, fact.Activity, fact.Started), e.s), e.s, 70)
	e.dies(e.at + int64(e.p.AbsoluteTimeout))
}

// changed: an end of the id and a rotation away from it follow one another closely.
func (e *episode) changed() {
	next := e.someSession(80)
	e.lives(e.s, fact.Activity, fact.Started)
	e.tell(fact.Ended, e.s)
	e.dies(e.at + int64(e.p.EndGrace))
	e.wait(0, e.p.Tolerance, e.p.Tolerance/2, -e.p.Tolerance)
	f := e.tell(fact.Rotated, next)
	f.Previous = new(e.s.name)
	e.dies(e.at + int64(e.p.RotationGrace))
	e.show(f, e.s, 60)
}

// deadParent: it was rotated from an id that had ended, and goes on for somebody.
func (e *episode) deadParent() { e.rotatedBehind(75) }

// nobodysParent: whether it goes on nobody can say.
func (e *episode) nobodysParent() {
	e.s = e.someSession(100)
	e.s.user = fact.Name{}
	e.rotatedBehind(0)
}

// rotatedBehind lets it be rotated from an id that ended then or shortly before, and
// show the user of that in so many of a hundred cases.
func (e *episode) rotatedBehind(percent int) {
	parent, p := e.someSession(90), e.p
	if parent == e.s {
		e.ended()
		return
	}
	if e.chance(40) && p.RotationGrace <= p.Tolerance {
		p.RotationGrace = p.Tolerance + 3*time.Second
	}
	f := e.tell(among(e.maker, fact.Started, fact.Activity), parent)
	if e.show(f, parent, percent+percent/5); p.AbsoluteTimeout > 0 {
		e.dies(e.at + int64(p.AbsoluteTimeout))
	}
	e.step()
	e.tell(fact.Ended, parent)
	if e.chance(15) && parent.user.Raw != "" {
		f := &e.facts[len(e.facts)-1]
		f.Kind, f.Session, f.User = fact.EndedUser, fact.Name{}, parent.user
	}
	e.dies(e.at + int64(p.EndGrace))
	e.wait(p.Tolerance+1, p.RotationGrace, (p.Tolerance+p.RotationGrace)/2, p.Tolerance, 0, p.RotationGrace+1, -p.Tolerance)
	f = e.tell(fact.Rotated, e.s)
	f.Previous = new(parent.name)
	if e.chance(percent) {
		if e.chance(50) {
			e.wait(p.Tolerance, 0, p.RotationGrace)
			f = e.tell(fact.Activity, e.s)
		}
		e.shown(f, among(e.maker, parent.user, parent.user, parent.user, e.s.user))
	}
}
