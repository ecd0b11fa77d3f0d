package sessiontest

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// alone is a new session, for which there is always room. Nothing else is said of it if
// all else was drawn before, nor of its user.
func (m *maker) alone(n int) *madeSession {
	s := &madeSession{name: SessionName(maxSessions + n), user: UserName(4), cursor: among(m, m.sessions...).cursor}
	s.marks = []int64{s.cursor}
	m.sessions = append(m.sessions, s)
	return s
}

// silentEpisode begins the episode of a session with an idle limit.
func (m *maker) silentEpisode() *episode {
	e := &episode{maker: m, s: m.alone(1), policy: uint8(m.Roll(len(m.cfg.Policies)))}
	if e.p, e.at = &m.cfg.Policies[e.policy], e.s.cursor; e.p.IdleTimeout == 0 {
		e.p.IdleTimeout = 10 * time.Second
	}
	m.cfg.IdleDecisionWait = time.Hour // all comes within
	return e
}

// comesLater lets the fact that was told last come behind all others, if it may.
func (e *episode) comesLater() {
	last := len(e.facts) - 1
	e.later = append(e.later, e.facts[last])
	e.facts = e.facts[:last]
}

// upload draws a silence, and the long request that filled it: it is told of when it is
// over.
func (m *maker) upload() {
	e := m.silentEpisode()
	e.tell(fact.Activity, e.s)
	e.step()
	f := e.ask(e.s)
	f.End += int64(e.p.IdleTimeout)
	end := f.End
	e.comesLater()
	e.at = end + int64(among(m, time.Second, e.p.IdleTimeout))
	e.show(e.ask(e.s), e.s, 70)
}

// unmask draws a request that was silent too long on an id that had ended, and what
// clears the end later: then the silence has to be waited for.
func (m *maker) unmask() {
	e := m.silentEpisode()
	e.shown(e.tell(fact.Activity, e.s), e.s.user)
	began := e.at
	e.wait(0, time.Second)
	revoked := m.chance(50)
	if end := e.tell(fact.Ended, e.s); revoked {
		end.Kind, end.Session, end.User = fact.EndedUser, fact.Name{}, e.s.user
	}
	late := max(began+int64(e.p.IdleTimeout), e.at+int64(e.p.EndGrace)) + int64(e.p.Tolerance) + 1
	if revoked { // somebody else polls
		e.wait(1, time.Second)
		f := e.ask(e.s)
		f.Flags |= fact.Passive
		e.shown(f, UserName(5))
	} else { // a rotation whose grace is not over
		e.p.RotationGrace = max(e.p.RotationGrace, time.Duration(late-e.at))
		e.tell(fact.Rotated, m.alone(2)).Previous = new(e.s.name)
		e.shown(&e.facts[len(e.facts)-1], e.s.user)
	}
	e.comesLater()
	e.at = late
	e.show(e.ask(e.s), e.s, 70)
}

// inherit draws an id whose ancestor will be forgotten.
func (m *maker) inherit() {
	e := &episode{maker: m, s: m.alone(3)}
	parent := m.alone(0)
	parent.user, parent.cursor = UserName(m.Roll(m.users)), e.s.cursor
	m.cfg.Retention, e.at = 10*time.Hour, e.s.cursor
	e.lives(parent, fact.Started, fact.Authenticated, fact.Activity)
	if f := &m.facts[len(m.facts)-1]; m.larger {
		f.Linked = new(m.sessions[0].name)
	}
	if m.chance(25) {
		e.tell(fact.Ended, parent)
		e.wait(m.cfg.Policies[0].Tolerance+1, 0)
	}
	f := e.tell(fact.Rotated, e.s)
	f.Previous = new(parent.name)
	e.show(f, parent, 30)
	m.sessions = m.sessions[:len(m.sessions)-1] // nothing else is said of it
	if e.s.user = (fact.Name{}); m.chance(30) {
		e.s.user = parent.user
	}
	m.heir, m.bequeathed = e.s, parent.user
}

// simplify lets nothing be said of f, in a history in which sessions are forgotten, that
// nobody can know of then: which other session an end of a user spares, and whether the
// heir went on as another.
func (m *maker) simplify(f *fact.Fact) {
	if f.Kind == fact.EndedUser {
		f.Session = fact.Name{}
	}
	if f.Kind == fact.Rotated && f.Previous.Key() == m.heir.name.ID {
		f.Kind, f.Previous = fact.Started, nil
	}
}

// outlive ends h: the heir is heard of until its ancestor is forgotten, and after that.
func (m *maker) outlive(h *History) {
	e := &episode{maker: m, s: m.heir, policy: uint8(m.Roll(len(m.cfg.Policies)))}
	e.p, e.at = &m.cfg.Policies[e.policy], h.Steps[len(h.Steps)-1].Now+int64(6*time.Hour)
	m.facts = m.facts[:0]
	e.tell(fact.Activity, e.s)
	h.Steps = append(h.Steps, Step{Now: e.at, Fact: m.facts[0], Keep: true})
	e.at += int64(5 * time.Hour)
	h.Steps = append(h.Steps, Step{Verb: Advance, Now: e.at})
	m.facts = m.facts[:0]
	switch m.Roll(4) {
	case 1:
		f := e.tell(fact.EndedUser, e.s)
		f.Session, f.User = fact.Name{}, m.bequeathed
	case 2:
		if m.larger {
			e.tell(fact.Ended, m.sessions[0])
		}
	}
	e.wait(e.p.EndGrace + e.p.Tolerance + 1)
	e.show(e.ask(e.s), e.s, 50)
	for i := range m.facts {
		h.Steps = append(h.Steps, Step{Now: m.facts[i].At, Fact: m.facts[i]})
	}
}
