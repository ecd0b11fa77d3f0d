package session

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A history is what one engine meets: facts in the order of their arrival, and
// what happens between them. Its text form, which [history.String] writes and
// [parseHistory] reads, is one line for each policy and each step:
//
//	policy p0 idle=10s absolute=1m tolerance=1s end=2s rotation=3s
//	now=1s a request at=0s..1s served p0 web user=u1 id=1/2
//	now=2s advance
//	now=3s blind 0s..2s crash
//
// Instants are durations after [epoch].
type history struct {
	cfg   Config
	steps []historyStep
	// restarts is where the checkpoints, stops and crashes are drawn from that
	// its engine goes through; 0: none.
	restarts uint64
	stops    bool // it stops in order only
	// holds: it is advanced by single holds of the lock, between which facts come.
	holds bool
	audit bool // after each step
}

// A historyStep is one call of the engine.
type historyStep struct {
	verb  verb
	now   int64
	fact  fact.Fact
	blind blindness
	keep  bool // not to be taken away when the history is made smaller
}

type verb byte

const (
	doObserve verb = iota
	doAdvance
	doBlind
)

// epoch is the instant 0s of a history.
var epoch = time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC).UnixNano()

// resources are the services of histories, by their names in the text form.
// web and web2 are two instances of one service, web-eu is another.
var resources = map[string]*fact.Resource{
	"web":    {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-1", Environment: "prod"},
	"web2":   {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-2", Environment: "prod"},
	"web-eu": {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-3", Environment: "eu"},
	"api":    {ServiceName: "api"},
	"jobs":   {ServiceName: "jobs", ServiceInstance: "jobs-1"},
}

var resourceNames = []string{"web", "api", "web2", "jobs", "web-eu"}

func resourceName(r fact.Resource) string {
	for _, name := range resourceNames {
		if *resources[name] == r {
			return name
		}
	}
	return r.ServiceName
}

func sessionName(n int) fact.Name {
	return fact.Name{ID: fact.ID{1, uint64(n + 1)}, Raw: string(rune('a' + n))}
}

func userName(n int) fact.Name {
	return fact.Name{ID: fact.ID{uint64(n + 1), 2}, Raw: "u" + strconv.Itoa(n+1)}
}

func historyConfig() Config {
	return Config{
		DecisionWait: 10 * time.Second, ReorderWindow: time.Hour, MaxAhead: 5 * time.Minute,
		MaxSessions: 16, MaxRecentRequests: 256, MaxServices: 16,
		Retention: 100_000 * time.Hour, UpdateInterval: time.Minute,
		Pseudonym: func(raw string) (p fact.Pseudonym) {
			copy(p[:], raw)
			return p
		},
	}
}

// do lets e know what the step says, at its time.
func (s *historyStep) do(e *Engine) {
	switch s.verb {
	case doObserve:
		e.observe(&s.fact, s.now)
	case doAdvance:
		e.advance(s.now)
	case doBlind:
		e.blind(s.blind.From, s.blind.To, s.blind.Reason)
	}
}

// arrivals and blindnesses are what the reference is told of h.
func (h *history) arrivals() (facts []arrival, blinds []blindness) {
	for i := range h.steps {
		switch s := &h.steps[i]; s.verb {
		case doObserve:
			facts = append(facts, arrival{s.fact, s.now})
		case doBlind:
			blinds = append(blinds, s.blind)
		}
	}
	return facts, blinds
}

// dice is where a generator takes its choices from: 0 is always the plainest.
type dice interface{ roll(n int) int }

type plainDice struct{ *rand.Rand }

func (d plainDice) roll(n int) int { return d.IntN(n) }

// delivery says how a history's facts may arrive.
type delivery int

const (
	inWindow delivery = iota // each as the design demands, in any order beyond that
	anyOrder                 // truly late facts, too
)

// maker makes one history.
type maker struct {
	dice
	cfg      Config
	facts    []fact.Fact
	sessions []*madeSession
	users    int
	calm     bool // most requests are in time
	blinds   []blindness
	blind    bool // there are any
	sampled  bool // some telemetry is
	logins   bool // there are authentications
	replay   bool // all is over when it arrives
	trace    byte
	span     byte
	alone    map[[3]int64]bool // starts of requests without ids
}

// madeSession is what a maker remembers of one session.
type madeSession struct {
	name   fact.Name
	user   fact.Name // none for some
	cursor int64
	marks  []int64 // instants at which something happened
}

func (m *maker) chance(percent int) bool { return m.roll(100) >= 100-percent }

func among[T any](m *maker, of ...T) T { return of[m.roll(len(of))] }

// makeHistory makes a history of some 45 arrivals.
func makeHistory(d dice, how delivery) *history { return makeHistories(d, how, 1)[0] }

// makeHistories makes histories of the same facts that arrive in n ways.
func makeHistories(d dice, how delivery, n int) []*history { return makeDeep(d, how, n, 0) }

// makeDeep is makeHistories where so many of a hundred of what happens are long
// traces.
func makeDeep(d dice, how delivery, n, deep int) (made []*history) {
	m := &maker{dice: d, cfg: historyConfig(), alone: map[[3]int64]bool{}, facts: make([]fact.Fact, 0, 64)}
	m.blind, m.sampled, m.calm = m.chance(15), m.chance(8), m.chance(60)
	m.logins = !m.blind || m.chance(50)
	m.configure()
	m.cfg.Shards = 1 << m.roll(3)
	m.users = 1 + m.roll(2)
	for i := range 2 + m.roll(4) {
		s := &madeSession{name: sessionName(i), cursor: epoch + int64(m.roll(30))*int64(time.Second)}
		s.marks = []int64{s.cursor}
		if m.chance(80) {
			s.user = userName(m.roll(m.users))
		}
		m.sessions = append(m.sessions, s)
	}
	for facts := 22 + m.roll(30); len(m.facts) < facts; {
		if s := among(m, m.sessions...); deep > 0 && m.chance(deep) {
			m.deep(s)
		} else {
			m.happen(s)
		}
	}
	for range m.roll(3) {
		if m.blind {
			b := blindness{From: m.when(among(m, m.sessions...)), Reason: among(m, "crash", "shed")}
			b.To = max(b.From, among(m, b.From+int64(5*second), m.when(among(m, m.sessions...))))
			m.blinds = append(m.blinds, b)
		}
	}
	for range n {
		made = append(made, m.deliver(how))
	}
	return made
}

const second = time.Second

// configure draws policies and the engine's times.
func (m *maker) configure() {
	for i := range 2 + m.roll(3) {
		m.cfg.Policies = append(m.cfg.Policies, Policy{
			Name:        "p" + strconv.Itoa(i),
			IdleTimeout: among(m, 10*second, 20*second, 5*second, 0), AbsoluteTimeout: among(m, 60*second, 0, 120*second, 25*second),
			Tolerance: among(m, second, 0, 2*second, 5*second, 1), EndGrace: among(m, 0, 2*second, 5*second), RotationGrace: among(m, 3*second, 0, 10*second),
			Background: Background(m.roll(3)), EvidenceIdentity: m.chance(15), Inclusive: m.chance(25),
			Sampled: m.sampled && m.chance(30),
		})
	}
	m.cfg.PerRequest = m.chance(30)
	m.cfg.DecisionWait = among(m, 10*second, 60*second)
	m.cfg.ReorderWindow = among(m, 10*time.Minute, 60*second, 20*second, time.Hour)
	m.cfg.UpdateInterval = among(m, 60*second, 0, time.Hour)
	if m.replay = m.chance(30); !m.replay {
		m.cfg.MaxAge = 24 * time.Hour
		if m.chance(10) {
			m.cfg.MaxAge, m.cfg.MaxAhead = among(m, 60*second, 5*time.Minute), among(m, 10*second, 0)
		}
	}
}

// when draws an instant: a step on, or one at a limit of something past.
func (m *maker) when(s *madeSession) int64 {
	steps := []time.Duration{second, 2 * second, 3 * second, 0, 1, 5 * second, 9 * second, second / 2}
	if m.roll(100) < 60 || m.calm && m.chance(60) {
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

// happen lets one thing happen to s.
func (m *maker) happen(s *madeSession) {
	at := m.when(s)
	f := fact.Fact{Session: s.name, Start: at, End: at, At: at, Resource: resources[among(m, resourceNames...)]}
	ends := 7
	if m.calm {
		ends = 2
	}
	switch x := m.roll(100); {
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
		f.Kind = fact.Exempt
		f.End = at + int64(among(m, second, 10*second, 60*second))
		f.Trace, f.Span = m.ids()
		m.inside(s, f)
	case x < 87+ends:
		f.Kind = fact.Rotated
		f.Previous = among(m, m.sessions...).name
		for _, other := range m.sessions {
			if other.name == f.Previous {
				m.mark(other, at)
			}
		}
		if m.chance(15) { // a fork
			m.facts = append(m.facts, f)
			f.Previous = among(m, m.sessions...).name
		}
	case x < 87+ends+ends/2+1:
		f.Kind, f.User = fact.Ended, fact.Name{}
	case x < 87+ends+ends/2+1+ends/3+1+m.roll(2):
		f.Kind, f.User = fact.EndedUser, userName(m.roll(m.users))
		f.Session = among(m, fact.Name{}, s.name)
		for _, other := range m.sessions {
			m.mark(other, at)
		}
	default:
		f.Kind = fact.Started
	}
	if f.Kind != fact.EndedUser && f.Kind != fact.Exempt && m.chance(30) {
		f.User = s.user
	}
	m.mark(s, f.At)
	m.facts = append(m.facts, f)
}

func (m *maker) ids() (trace [16]byte, span [8]byte) {
	m.trace++
	m.span++
	return [16]byte{m.trace}, [8]byte{m.span}
}

// request draws one request that begins when f does, and its kin.
func (m *maker) request(s *madeSession, f fact.Fact) {
	f.End = f.Start + int64(among(m, 0, second/10, second, 1, 3*second, 12*second))
	if m.chance(4) {
		f.End = f.Start + int64(among(m, 30*second, 90*second))
	}
	m.dress(s, &f)
	if m.chance(75) {
		f.Trace, f.Span = m.ids()
	} else if m.chance(20) {
		f.Trace, _ = m.ids()
	}
	if m.chance(10) { // a log record without a duration
		f.Flags |= fact.FromLog
		f.At, f.Start = f.End, f.End-int64(among(m, 10*second, 60*second))
	}
	if !hasBothIDs(&f) {
		// Two requests of their own that begin as one would be told apart by
		// nothing that a finding says.
		for m.alone[[3]int64{int64(f.Session.ID[1]), f.Start, f.At}] {
			f.Start, f.At, f.End = f.Start+1, f.At+1, f.End+1
		}
		m.alone[[3]int64{int64(f.Session.ID[1]), f.Start, f.At}] = true
	}
	m.mark(s, f.Start)
	m.mark(s, f.End)
	m.facts = append(m.facts, f)
	if hasBothIDs(&f) && m.chance(15) {
		m.facts = append(m.facts, m.twin(s, f))
	}
	if hasBothIDs(&f) && m.chance(25) {
		m.inside(s, f)
	}
}

func hasBothIDs(f *fact.Fact) bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// dress draws what a request says beside its times.
func (m *maker) dress(s *madeSession, f *fact.Fact) {
	f.Policy = uint8(m.roll(len(m.cfg.Policies)))
	if m.chance(4) {
		f.Policy = fact.NoPolicy
	}
	f.Outcome = among(m, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Indeterminate, fact.Rejected)
	f.Details = fact.Details{Method: "GET", Route: "/" + strconv.Itoa(int(f.Start%7)), Status: 200}
	if m.chance(40) {
		f.User = s.user
	} else if m.chance(4) {
		f.User = userName(m.roll(m.users))
	}
	for _, x := range []struct {
		flag    fact.Flags
		percent int
	}{{fact.Consumer, 10}, {fact.Passive, 8}, {fact.Stream, 6}, {fact.Presented, 12}} {
		if m.chance(x.percent) {
			f.Flags |= x.flag
		}
	}
	if m.sampled && m.chance(10) {
		f.Flags |= fact.Sampled
	}
}

// duplicate draws another record of the request f: its access log, or its span once
// more with something else to say.
func (m *maker) twin(s *madeSession, f fact.Fact) fact.Fact {
	if m.chance(70) {
		f.Flags |= fact.FromLog
	}
	f.Start += int64(among(m, -second/10, 0, 1, -second))
	f.End = max(f.Start, f.End+int64(among(m, 0, second/10, -1, -60*second)))
	f.At = among(m, f.Start, f.End)
	if m.chance(30) {
		f.Outcome = fact.Outcome(m.roll(3))
	}
	if m.chance(30) {
		f.User = among(m, fact.Name{}, s.user)
	}
	if m.chance(20) {
		f.Resource = resources["api"]
		f.Policy = uint8(m.roll(len(m.cfg.Policies)))
	}
	f.Details = fact.Details{Method: "POST", Path: "/log" + strconv.Itoa(int(f.Start%7)), Status: 200}
	return f
}

// inside draws requests that lie inside outer, or just not.
func (m *maker) inside(s *madeSession, outer fact.Fact) {
	for range 1 + m.roll(2) {
		f := outer
		f.Kind = fact.Request
		f.Start = among(m, outer.Start, outer.End, outer.Start+(outer.End-outer.Start)/2, outer.Start-1, outer.Start+1)
		f.End = among(m, outer.End, f.Start, outer.End+1, outer.End-1)
		f.End, f.Flags = max(f.Start, f.End), 0
		f.At = f.Start
		m.span++
		f.Span = [8]byte{m.span}
		f.Resource = resources[among(m, resourceNames...)]
		if m.chance(8) {
			f.Session = among(m, m.sessions...).name
		}
		m.dress(s, &f)
		m.mark(s, f.Start)
		m.facts = append(m.facts, f)
		if m.chance(30) {
			outer = f
		}
	}
}

// deep draws a long trace: requests that lie inside one another or just not, some of
// them told of twice.
func (m *maker) deep(s *madeSession) {
	at := m.when(s)
	f := fact.Fact{Session: s.name, Start: at, End: at + int64(among(m, 12*second, second, 60*second)), At: at, Resource: resources[among(m, resourceNames...)]}
	m.dress(s, &f)
	f.Trace, f.Span = m.ids()
	first := len(m.facts)
	m.facts = append(m.facts, f)
	for range 4 + m.roll(12) {
		o := among(m, m.facts[first:]...)
		if m.chance(20) {
			if o.Kind == fact.Request {
				m.facts = append(m.facts, m.twin(s, o))
			}
			continue
		}
		f := o
		f.Kind, f.Flags = fact.Request, 0
		f.Start += int64(among(m, 0, 1, second, -1, -second, 5*second))
		f.End = max(f.Start, f.End+int64(among(m, 0, -1, -second, 1, second, -5*second)))
		f.At = f.Start
		m.span++
		f.Span = [8]byte{m.span}
		m.dress(s, &f)
		if m.chance(4) {
			f = fact.Fact{Kind: fact.Exempt, Session: f.Session, Start: f.Start, End: f.End, At: f.At, Trace: f.Trace, Span: f.Span, Resource: f.Resource}
		}
		m.mark(s, f.Start)
		m.facts = append(m.facts, f)
	}
}

// deliver lets the facts arrive.
func (m *maker) deliver(how delivery) *history {
	h := &history{steps: make([]historyStep, 0, len(m.facts)*5/4+8)}
	now := epoch
	if m.blind && m.logins {
		// What was known of authentications before a blind time is what
		// makes it matter: here it is known from the start.
		f := fact.Fact{Kind: fact.Authenticated, Session: sessionName(25), Start: now, End: now, At: now, Resource: resources["web"]}
		h.steps = append(h.steps, historyStep{now: now, fact: f, keep: true})
		for i := range m.cfg.Policies {
			f.Kind, f.Policy, f.User, f.Trace = fact.Request, uint8(i), userName(25), [16]byte{99}
			f.Span = [8]byte{byte(i + 1)}
			h.steps = append(h.steps, historyStep{now: now, fact: f, keep: true})
		}
	}
	blinds := slices.Clone(m.blinds)
	for i, f := range m.order(how) {
		if i == 0 && m.replay {
			now += int64(time.Hour)
		}
		if !m.replay {
			ahead := min(m.cfg.MaxAhead, among(m, 0, 0, 0, 0, 10*second, 10*second+1))
			now = max(now, f.End-int64(ahead))
		}
		if m.chance(25) {
			now += int64(among(m, second, m.cfg.DecisionWait, m.cfg.DecisionWait+1, 2*m.cfg.DecisionWait, 1, 2*time.Minute))
		}
		if m.chance(20) {
			h.steps = append(h.steps, historyStep{verb: doAdvance, now: now})
		}
		if len(blinds) > 0 && m.chance(5) {
			h.steps = append(h.steps, historyStep{verb: doBlind, now: now, blind: blinds[0]})
			blinds = blinds[1:]
		}
		h.steps = append(h.steps, historyStep{now: now, fact: *f})
	}
	for _, b := range blinds {
		h.steps = append(h.steps, historyStep{verb: doBlind, now: now, blind: b})
	}
	h.cfg = m.cfg
	return h
}

// order draws the order of arrival, and what arrives more than once. In the window no fact comes while its end is
// more than the window behind the newest of a session that it speaks of.
func (m *maker) order(how delivery) []*fact.Fact {
	left := make([]*fact.Fact, 0, len(m.facts)*5/4)
	for i := range m.facts {
		for left = append(left, &m.facts[i]); m.chance(12); {
			left = append(left, &m.facts[i])
		}
	}
	slices.SortStableFunc(left, func(a, b *fact.Fact) int { return cmp.Compare(a.End, b.End) })
	spread := among(m, 1, 3, 10, len(left))
	ordered := make([]*fact.Fact, 0, len(left))
	for len(left) > 0 {
		i := m.roll(min(spread, len(left)))
		if how == inWindow && !m.mayCome(left, i) {
			i = 0
		}
		ordered = append(ordered, left[i])
		left = slices.Delete(left, i, i+1)
	}
	return ordered
}

// mayCome reports whether left[i] may come before the others without making one
// of them late.
func (m *maker) mayCome(left []*fact.Fact, i int) bool {
	for j := range left[:i] { // the others do not end earlier
		if left[j].End < left[i].End-int64(m.cfg.ReorderWindow) && akin(left[i], left[j]) {
			return false
		}
	}
	return true
}

// akin reports whether two facts speak of one session.
func akin(a, b *fact.Fact) bool {
	return a.Kind == fact.EndedUser || b.Kind == fact.EndedUser || a.Session.ID == b.Session.ID ||
		a.Kind == fact.Rotated && a.Previous.ID == b.Session.ID || b.Kind == fact.Rotated && b.Previous.ID == a.Session.ID ||
		a.Kind == fact.Rotated && b.Kind == fact.Rotated && a.Previous.ID == b.Previous.ID
}

// with is h with other steps.
func (h *history) with(steps []historyStep) *history {
	other := *h
	other.steps = steps
	return &other
}

// minimal takes away from h what is not needed for it to be bad.
func minimal(h *history, bad func(*history) bool) *history {
	for again := true; again; {
		again = false
		for size := (len(h.steps) + 1) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(h.steps); {
				less := h.with(slices.Delete(slices.Clone(h.steps), from, from+size))
				kept := slices.ContainsFunc(h.steps[from:from+size], func(s historyStep) bool { return s.keep })
				if !kept && bad(less) {
					h, again = less, true
				} else {
					from++
				}
			}
		}
		for i := range h.steps {
			for _, plainer := range plainerFacts {
				less := h.with(slices.Clone(h.steps))
				if plainer(&less.steps[i].fact); less.steps[i] != h.steps[i] && !h.steps[i].keep && bad(less) {
					h, again = less, true
				}
			}
		}
		for i := range h.cfg.Policies {
			for _, plainer := range plainerPolicies {
				less := h.with(h.steps)
				less.cfg.Policies = slices.Clone(h.cfg.Policies)
				if plainer(&less.cfg.Policies[i]); less.cfg.Policies[i] != h.cfg.Policies[i] && bad(less) {
					h, again = less, true
				}
			}
		}
	}
	return h
}

var plainerFacts = []func(*fact.Fact){
	func(f *fact.Fact) { f.Trace, f.Span = [16]byte{}, [8]byte{} },
	func(f *fact.Fact) { f.Flags = 0 },
	func(f *fact.Fact) { f.Flags &= f.Flags - 1 },
	func(f *fact.Fact) { f.Outcome = fact.Served },
	func(f *fact.Fact) {
		if f.Kind != fact.EndedUser {
			f.User = fact.Name{}
		}
	},
	func(f *fact.Fact) { f.End, f.At = f.Start, f.Start },
	func(f *fact.Fact) { f.Policy = 0 },
	func(f *fact.Fact) {
		if f.Resource != nil {
			f.Resource = resources["web"]
		}
	},
	func(f *fact.Fact) { f.Details = fact.Details{} },
}

var plainerPolicies = []func(*Policy){
	func(p *Policy) { p.IdleTimeout = 0 },
	func(p *Policy) { p.AbsoluteTimeout = 0 },
	func(p *Policy) { p.Tolerance = 0 },
	func(p *Policy) { p.EndGrace = 0 },
	func(p *Policy) { p.RotationGrace = 0 },
	func(p *Policy) { p.Background = BackgroundObserve },
	func(p *Policy) { p.EvidenceIdentity = false },
	func(p *Policy) { p.Inclusive = false },
	func(p *Policy) { p.Sampled = false },
}

// String writes h as [parseHistory] reads it.
func (h *history) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config wait=%s window=%s ahead=%s age=%s update=%s", h.cfg.DecisionWait, h.cfg.ReorderWindow,
		h.cfg.MaxAhead, h.cfg.MaxAge, h.cfg.UpdateInterval)
	writeWord(&b, h.cfg.PerRequest, "request")
	writeWord(&b, h.cfg.Shards > 1, fmt.Sprint("lanes=", h.cfg.Shards))
	for _, p := range h.cfg.Policies {
		fmt.Fprintf(&b, "\npolicy %s idle=%s absolute=%s tolerance=%s end=%s rotation=%s", p.Name, p.IdleTimeout, p.AbsoluteTimeout,
			p.Tolerance, p.EndGrace, p.RotationGrace)
		writeWord(&b, p.Background == BackgroundOff, "off")
		writeWord(&b, p.Background == BackgroundAlert, "alert")
		writeWord(&b, p.EvidenceIdentity, "identity")
		writeWord(&b, p.Inclusive, "inclusive")
		writeWord(&b, p.Sampled, "sampled")
	}
	for i := range h.steps {
		s := &h.steps[i]
		fmt.Fprintf(&b, "\nnow=%s ", instantText(s.now))
		switch s.verb {
		case doAdvance:
			b.WriteString("advance")
		case doBlind:
			fmt.Fprintf(&b, "blind %s..%s %s", instantText(s.blind.From), instantText(s.blind.To), s.blind.Reason)
		case doObserve:
			writeFact(&b, &s.fact)
		}
		writeWord(&b, s.keep, "keep")
	}
	return b.String()
}

var flagNames = []string{"consumer", "passive", "stream", "presented", "log", "sampled"}

var outcomeNames = []string{"served", "indeterminate", "rejected"}

func writeFact(b *strings.Builder, f *fact.Fact) {
	name := f.Session.Raw
	if name == "" {
		name = "-"
	}
	fmt.Fprintf(b, "%s %s at=%s", name, f.Kind, instantText(f.Start))
	if f.End != f.Start {
		fmt.Fprintf(b, "..%s", instantText(f.End))
	}
	if f.At != f.Start {
		fmt.Fprintf(b, " own=%s", instantText(f.At))
	}
	fmt.Fprintf(b, " %s", resourceName(*f.Resource))
	if f.Kind == fact.Request {
		fmt.Fprintf(b, " %s %s", policyText(f.Policy), outcomeNames[f.Outcome])
	}
	for i, flag := range flagNames {
		writeWord(b, f.Flags.Has(1<<i), flag)
	}
	writeWord(b, f.User.Raw != "", "user="+f.User.Raw)
	writeWord(b, f.Previous.Raw != "", "from="+f.Previous.Raw)
	writeWord(b, f.Trace[0] != 0 || f.Span[0] != 0, fmt.Sprintf("id=%d/%d", f.Trace[0], f.Span[0]))
}

func policyText(p uint8) string {
	if p == fact.NoPolicy {
		return "p-"
	}
	return "p" + strconv.Itoa(int(p))
}

func writeWord(b *strings.Builder, write bool, w string) {
	if write {
		b.WriteString(" " + w)
	}
}

// instantText writes an instant.
func instantText(t int64) string {
	if t == 0 {
		return "never"
	}
	return time.Duration(t - epoch).String()
}

// parseHistory reads a history. Where now is missing it is the end of the fact,
// or the last now; where no policy is named, p0 governs; where no service, web.
// It panics on what it does not understand.
func parseHistory(text string) *history {
	h := &history{cfg: historyConfig()}
	now := epoch
	for group := range strings.Lines(text) {
		words := strings.Fields(group)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch words[0] {
		case "config":
			parseConfig(&h.cfg, words[1:])
			continue
		case "policy":
			h.cfg.Policies = append(h.cfg.Policies, parsePolicy(words[1:]))
			continue
		}
		s := historyStep{keep: words[len(words)-1] == "keep"}
		v, given := strings.CutPrefix(words[0], "now=")
		if given {
			s.now, words = parseInstant(v), words[1:]
		}
		switch words[0] {
		case "advance":
			s.verb = doAdvance
		case "blind":
			s.verb = doBlind
			from, to, _ := strings.Cut(words[1], "..")
			s.blind = blindness{parseInstant(from), parseInstant(to), words[2]}
		default:
			s.fact = parseFact(words)
		}
		if !given {
			s.now = max(now, s.fact.End)
		}
		now = s.now
		h.steps = append(h.steps, s)
	}
	return h
}

func parseDuration(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		panic(err)
	}
	return d
}

func parseInstant(v string) int64 { return epoch + int64(parseDuration(v)) }

func parseConfig(c *Config, words []string) {
	for _, w := range words {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "wait":
			c.DecisionWait = parseDuration(v)
		case "window":
			c.ReorderWindow = parseDuration(v)
		case "ahead":
			c.MaxAhead = parseDuration(v)
		case "age":
			c.MaxAge = parseDuration(v)
		case "update":
			c.UpdateInterval = parseDuration(v)
		case "request":
			c.PerRequest = true
		default:
			panic(w)
		}
	}
}

func parsePolicy(words []string) Policy {
	p := Policy{Name: words[0]}
	for _, w := range words[1:] {
		switch k, v, _ := strings.Cut(w, "="); k {
		case "idle":
			p.IdleTimeout = parseDuration(v)
		case "absolute":
			p.AbsoluteTimeout = parseDuration(v)
		case "tolerance":
			p.Tolerance = parseDuration(v)
		case "end":
			p.EndGrace = parseDuration(v)
		case "rotation":
			p.RotationGrace = parseDuration(v)
		case "off":
			p.Background = BackgroundOff
		case "alert":
			p.Background = BackgroundAlert
		case "identity":
			p.EvidenceIdentity = true
		case "inclusive":
			p.Inclusive = true
		case "sampled":
			p.Sampled = true
		default:
			panic(w)
		}
	}
	return p
}

func parseFact(words []string) fact.Fact {
	f := fact.Fact{Resource: resources["web"]}
	if words[0] != "-" {
		f.Session = sessionName(int(words[0][0] - 'a'))
	}
	for f.Kind.String() != words[1] {
		f.Kind++ // past the last it panics
	}
	own := int64(0)
	for _, w := range words[2:] {
		switch k, v, _ := strings.Cut(w, "="); {
		case k == "at":
			from, to, long := strings.Cut(v, "..")
			f.Start, f.End = parseInstant(from), parseInstant(from)
			if long {
				f.End = parseInstant(to)
			}
		case k == "own":
			own = parseInstant(v)
		case k == "user":
			f.User = userName(int(v[1] - '1'))
		case k == "from":
			f.Previous = sessionName(int(v[0] - 'a'))
		case k == "id":
			trace, span, _ := strings.Cut(v, "/")
			f.Trace[0], f.Span[0] = parseNumber(trace), parseNumber(span)
		case resources[k] != nil:
			f.Resource = resources[k]
		case slices.Contains(outcomeNames, k):
			f.Outcome = fact.Outcome(slices.Index(outcomeNames, k))
		case slices.Contains(flagNames, k):
			f.Flags |= 1 << slices.Index(flagNames, k)
		case k == "p-":
			f.Policy = fact.NoPolicy
		case len(k) == 2 && k[0] == 'p':
			f.Policy = k[1] - '0'
		case k != "keep":
			panic(w)
		}
	}
	if f.At = f.Start; own != 0 {
		f.At = own
	}
	return f
}

func parseNumber(v string) byte {
	n, err := strconv.ParseUint(v, 10, 8)
	if err != nil {
		panic(err)
	}
	return byte(n)
}
