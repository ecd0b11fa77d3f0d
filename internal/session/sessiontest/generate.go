package sessiontest

import (
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Dice are where the generator takes its choices from: chance, the bytes of a fuzzer or
// whatever can make what fails smaller.
type Dice interface {
	// Roll returns 0 to n-1; 0 is the plainest choice.
	Roll(n int) int
}

type plainDice struct{ *rand.Rand }

func (d plainDice) Roll(n int) int { return d.IntN(n) }

// NewDice are dice that chance rolls, the same way for the same two numbers.
func NewDice(seed, stream uint64) Dice { return plainDice{rand.New(rand.NewPCG(seed, stream))} }

// Delivery says how a history's facts may arrive.
type Delivery int

// The deliveries.
const (
	InWindow Delivery = iota // each as the design demands, in any order beyond that
	AnyOrder                 // truly late facts, too
)

// Seeded is the history of one number.
func Seeded(seed uint64, how Delivery) *History { return Make(NewDice(seed, 0), how) }

// Make makes a history of some 80 arrivals. The same rolls give the same history: who
// changes the order of the rolls changes every history.
func Make(d Dice, how Delivery) *History { return draw(d, how, 0) }

// MakeDeep is [Make] where so many of a hundred of what happens are long traces.
func MakeDeep(d Dice, how Delivery, deep int) *History { return draw(d, how, deep) }

func draw(d Dice, how Delivery, deep int) *History {
	m := &maker{Dice: d, cfg: DefaultConfig(), times: map[[2]int64]bool{}, facts: make([]fact.Fact, 0, 64)}
	m.blind, m.sampled, m.calm = m.chance(24), m.chance(8), m.chance(60)
	m.logins = !m.blind || m.chance(50)
	m.configure()
	m.cfg.Shards = 1 << m.Roll(3)
	m.called, m.larger = m.chance(50), m.chance(30)
	m.calling = ResourceNames[m.Roll(4):][:1+m.Roll(2)]
	m.users = 1 + m.Roll(3)
	for i := range 2 + m.Roll(4) {
		s := &madeSession{name: SessionName(i), cursor: Epoch + int64(m.Roll(30))*int64(time.Second)}
		s.marks = []int64{s.cursor}
		if m.chance(80) {
			s.user = UserName(m.Roll(m.users))
			s.placeholder = m.chance(12)
		}
		if m.larger && i > 0 && m.chance(60) {
			s.larger = m.sessions[0].name
		}
		m.sessions = append(m.sessions, s)
	}
	facts := 22 + m.Roll(30)
	for n := m.Roll(14); n > 0; n-- {
		m.episode()
	}
	if m.chance(11) && how == InWindow { // what a late fact says of one that is forgotten is not all known
		m.inherit()
	}
	for facts = max(facts, len(m.facts)+6); len(m.facts) < facts; {
		if s := among(m, m.sessions...); deep > 0 && m.chance(deep) {
			m.deep(s)
		} else {
			m.happen(s)
		}
	}
	switch x := m.Roll(100); {
	case x >= 89:
		m.unmask()
	case x >= 86:
		m.upload()
	}
	for range m.Roll(3) {
		if m.blind {
			b := Blindness{From: m.when(among(m, m.sessions...)), Reason: among(m, "crash", "shed")}
			b.To = max(b.From, among(m, b.From+int64(5*time.Second), m.when(among(m, m.sessions...))))
			m.blinds = append(m.blinds, b)
		}
	}
	for i := range m.facts {
		if present(&m.facts[i]); m.heir != nil {
			m.simplify(&m.facts[i])
		}
	}
	h := m.deliver(how)
	if m.heir != nil {
		m.outlive(h)
	}
	return h
}

// maker makes one history.
type maker struct {
	Dice
	cfg      Config
	facts    []fact.Fact
	sessions []*madeSession
	users    int
	calm     bool // most requests are in time
	blinds   []Blindness
	blind    bool // there are any
	sampled  bool // some telemetry is
	logins   bool // there are authentications
	replay   bool // all is over when it arrives
	trace    byte
	span     byte
	called   bool     // some requests have parents
	larger   bool     // some sessions are part of the first one
	calling  []string // the services that call others, if any does
	callers  []fact.Caller
	later    []fact.Fact  // what comes behind everything else, if it may
	heir     *madeSession // outlives what it was rotated from
	// bequeathed is the user whom that showed
	bequeathed fact.Name
	times      map[[2]int64]bool // of requests that nothing else tells apart
}

// madeSession is what a maker remembers of one session.
type madeSession struct {
	name   fact.Name
	larger fact.Name // that this one is part of; none for most
	user   fact.Name // none for some
	// placeholder: many users have this id.
	placeholder bool
	others      int // how often it showed another than user
	cursor      int64
	marks       []int64 // instants at which something happened
}

func (m *maker) chance(percent int) bool { return m.Roll(100) >= 100-percent }

func among[T any](m *maker, of ...T) T { return of[m.Roll(len(of))] }

// configure draws policies and the engine's times.
func (m *maker) configure() {
	for i := range 2 + m.Roll(3) {
		m.cfg.Policies = append(m.cfg.Policies, Policy{
			Name:            "p" + strconv.Itoa(i),
			IdleTimeout:     among(m, 10*time.Second, 20*time.Second, 5*time.Second, 0),
			AbsoluteTimeout: among(m, 60*time.Second, 0, 120*time.Second, 25*time.Second),
			Tolerance:       among(m, time.Second, 0, 2*time.Second, 5*time.Second, 1),
			EndGrace:        among(m, 0, 2*time.Second, 5*time.Second),
			RotationGrace:   among(m, 3*time.Second, 0, 10*time.Second),
			Background:      Background(m.Roll(3)),
			Evidence:        among(m, fact.EvidenceSuccess, fact.EvidenceSuccess, fact.EvidenceSuccess, fact.EvidenceSuccess, fact.EvidenceSuccess, fact.EvidenceIdentity, fact.EvidencePresented),
			Inclusive:       m.chance(25),
			Sampled:         m.sampled && m.chance(30),
		})
	}
	m.cfg.PerRequest = m.chance(30)
	m.cfg.MaxUsers = among(m, 5, 1, 2, 2, 0)
	if m.blind && m.chance(50) {
		m.cfg.LoginsAssumed = among(m, time.Hour, 30*time.Second, 90*time.Second)
	}
	m.cfg.DecisionWait = among(m, 10*time.Second, 60*time.Second)
	m.cfg.IdleDecisionWait = among(m, 0, 30*time.Second, 5*time.Minute)
	m.cfg.ReorderWindow = among(m, 10*time.Minute, 60*time.Second, 20*time.Second, time.Hour)
	m.cfg.UpdateInterval = among(m, 60*time.Second, 0, time.Hour)
	if m.replay = m.chance(30); !m.replay {
		m.cfg.MaxAge = 24 * time.Hour
		if m.chance(10) {
			m.cfg.MaxAge, m.cfg.MaxAhead = among(m, 60*time.Second, 5*time.Minute), among(m, 10*time.Second, 0)
		}
	}
}

// when draws an instant: a step on, or one at a limit of something past.
func (m *maker) when(s *madeSession) int64 {
	steps := []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 0, 1, 5 * time.Second, 9 * time.Second, time.Second / 2}
	if m.Roll(100) < 60 || m.calm && m.chance(60) {
		return s.cursor + int64(among(m, steps...))
	}
	from := among(m, s.marks...)
	if m.chance(15) {
		from = among(m, among(m, m.sessions...).marks...)
	}
	p := among(m, m.cfg.Policies...)
	limit := among(m, p.Tolerance, p.IdleTimeout, p.IdleTimeout+p.Tolerance, p.EndGrace+p.Tolerance, p.RotationGrace+p.Tolerance,
		p.AbsoluteTimeout, p.AbsoluteTimeout+p.Tolerance, p.EndGrace, p.RotationGrace, -p.Tolerance, 0, 2*p.IdleTimeout,
		p.IdleTimeout+2*p.Tolerance, -2*p.Tolerance, -min(m.cfg.ReorderWindow, time.Minute))
	return from + int64(limit) + int64(among(m, 0, 1, -1))
}

// mark remembers that something happened to s at t.
func (m *maker) mark(s *madeSession, t int64) {
	s.marks = append(s.marks, t)
	if t < s.cursor+int64(time.Minute) {
		s.cursor = max(s.cursor, t)
	}
}
