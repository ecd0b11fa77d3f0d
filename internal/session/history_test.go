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
// what happens between them. Its text form, which [History.String] writes and
// [MustParse] reads, is one line for each policy and each step:
//
//	policy p0 idle=10s absolute=1m tolerance=1s end=2s rotation=3s
//	now=1s a request at=0s..1s served p0 web user=u1 id=1/2
//	now=2s advance
//	now=3s blind 0s..2s crash
//
// Instants are durations after [Epoch].
type History struct {
	Config settings
	Steps  []Step
}

// settings are the times and policies that the verdicts on a history depend on.
type settings struct {
	Policies []rules
	// DecisionWait is how long a verdict waits for what may clear it.
	DecisionWait time.Duration
	// ReorderWindow is how far a fact may end behind its session's newest end.
	ReorderWindow time.Duration
	// MaxAhead and MaxAge bound a timestamp against its arrival; MaxAge 0 is no bound.
	MaxAhead, MaxAge time.Duration
	// PerRequest: one finding for every request, not for every session.
	PerRequest bool
	// UpdateInterval bounds how often a growing finding is sent again. No verdict
	// depends on it, and none on Shards.
	UpdateInterval time.Duration
	Shards         int
}

// rules are what one group of requests must keep to. A limit of zero is none.
type rules struct {
	Name             string
	IdleTimeout      time.Duration
	AbsoluteTimeout  time.Duration
	Tolerance        time.Duration
	EndGrace         time.Duration
	RotationGrace    time.Duration
	Background       background
	EvidenceIdentity bool // only a request with an identity proves anything
	Inclusive        bool // a limit is exceeded at its value, not only past it
	Sampled          bool // silence proves nothing
}

// background says what becomes of violations by CONSUMER spans.
type background uint8

const (
	observed background = iota // they are found
	off                        // they are not judged
	alert                      // as any other request
)

// A historyStep is one call of the engine.
type Step struct {
	Verb  Verb
	Now   int64
	Fact  fact.Fact
	Blind Blindness
	Keep  bool // not to be taken away when the history is made smaller
}

type Verb byte

const (
	Observe Verb = iota
	Advance
	Blind
)

// Epoch is the instant 0s of a history.
var Epoch = time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC).UnixNano()

// resources are the services of histories, by their names in the text form.
// web and web2 are two instances of one service, web-eu is another.
var Resources = map[string]*fact.Resource{
	"web":    {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-1", Environment: "prod"},
	"web2":   {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-2", Environment: "prod"},
	"web-eu": {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-3", Environment: "eu"},
	"api":    {ServiceName: "api"},
	"jobs":   {ServiceName: "jobs", ServiceInstance: "jobs-1"},
}

var ResourceNames = []string{"web", "api", "web2", "jobs", "web-eu"}

func resourceName(r fact.Resource) string {
	for _, name := range ResourceNames {
		if *Resources[name] == r {
			return name
		}
	}
	return r.ServiceName
}

func SessionName(n int) fact.Name {
	return fact.Name{ID: fact.ID{1, uint64(n + 1)}, Raw: string(rune('a' + n))}
}

func UserName(n int) fact.Name {
	return fact.Name{ID: fact.ID{uint64(n + 1), 2}, Raw: "u" + strconv.Itoa(n+1)}
}

// usual are the settings of a history that names no others.
func DefaultConfig() settings {
	return settings{DecisionWait: 10 * time.Second, ReorderWindow: time.Hour, MaxAhead: 5 * time.Minute, UpdateInterval: time.Minute}
}

// pseudonym is what is shown of a raw id: the id itself.
func pseudonym(raw string) (p fact.Pseudonym) {
	copy(p[:], raw)
	return p
}

// arrivals and blindnesses are what the reference is told of h.
func (h *History) Arrivals() (facts []Arrival, blinds []Blindness) {
	for i := range h.Steps {
		switch s := &h.Steps[i]; s.Verb {
		case Observe:
			facts = append(facts, Arrival{s.Fact, s.Now})
		case Blind:
			blinds = append(blinds, s.Blind)
		}
	}
	return facts, blinds
}

// dice is where a generator takes its choices from: 0 is always the plainest.
type Dice interface{ Roll(n int) int }

type plainDice struct{ *rand.Rand }

func (d plainDice) Roll(n int) int { return d.IntN(n) }

// delivery says how a history's facts may arrive.
type Delivery int

const (
	InWindow Delivery = iota // each as the design demands, in any order beyond that
	AnyOrder                 // truly late facts, too
)

// maker makes one history.
type maker struct {
	Dice
	cfg      settings
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
	alone    map[[3]int64]bool // starts of requests without ids
}

// madeSession is what a maker remembers of one session.
type madeSession struct {
	name   fact.Name
	user   fact.Name // none for some
	cursor int64
	marks  []int64 // instants at which something happened
}

func (m *maker) chance(percent int) bool { return m.Roll(100) >= 100-percent }

func among[T any](m *maker, of ...T) T { return of[m.Roll(len(of))] }

// Make makes a history of some 45 arrivals.
func Make(d Dice, how Delivery) *History { return MakeDeep(d, how, 0) }

// MakeDeep is Make where so many of a hundred of what happens are long
// traces.
func MakeDeep(d Dice, how Delivery, deep int) *History {
	m := &maker{Dice: d, cfg: DefaultConfig(), alone: map[[3]int64]bool{}, facts: make([]fact.Fact, 0, 64)}
	m.blind, m.sampled, m.calm = m.chance(15), m.chance(8), m.chance(60)
	m.logins = !m.blind || m.chance(50)
	m.configure()
	m.cfg.Shards = 1 << m.Roll(3)
	m.users = 1 + m.Roll(2)
	for i := range 2 + m.Roll(4) {
		s := &madeSession{name: SessionName(i), cursor: Epoch + int64(m.Roll(30))*int64(time.Second)}
		s.marks = []int64{s.cursor}
		if m.chance(80) {
			s.user = UserName(m.Roll(m.users))
		}
		m.sessions = append(m.sessions, s)
	}
	for facts := 22 + m.Roll(30); len(m.facts) < facts; {
		if s := among(m, m.sessions...); deep > 0 && m.chance(deep) {
			m.deep(s)
		} else {
			m.happen(s)
		}
	}
	for range m.Roll(3) {
		if m.blind {
			b := Blindness{From: m.when(among(m, m.sessions...)), Reason: among(m, "crash", "shed")}
			b.To = max(b.From, among(m, b.From+int64(5*second), m.when(among(m, m.sessions...))))
			m.blinds = append(m.blinds, b)
		}
	}
	return m.deliver(how)
}

const second = time.Second

// configure draws policies and the engine's times.
func (m *maker) configure() {
	for i := range 2 + m.Roll(3) {
		m.cfg.Policies = append(m.cfg.Policies, rules{
			Name:        "p" + strconv.Itoa(i),
			IdleTimeout: among(m, 10*second, 20*second, 5*second, 0), AbsoluteTimeout: among(m, 60*second, 0, 120*second, 25*second),
			Tolerance: among(m, second, 0, 2*second, 5*second, 1), EndGrace: among(m, 0, 2*second, 5*second), RotationGrace: among(m, 3*second, 0, 10*second),
			Background: background(m.Roll(3)), EvidenceIdentity: m.chance(15), Inclusive: m.chance(25),
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

// happen lets one thing happen to s.
func (m *maker) happen(s *madeSession) {
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
	case x < 87+ends+ends/2+1+ends/3+1+m.Roll(2):
		f.Kind, f.User = fact.EndedUser, UserName(m.Roll(m.users))
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
	if !HasBothIDs(&f) {
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
	if HasBothIDs(&f) && m.chance(15) {
		m.facts = append(m.facts, m.twin(s, f))
	}
	if HasBothIDs(&f) && m.chance(25) {
		m.inside(s, f)
	}
}

func HasBothIDs(f *fact.Fact) bool { return f.Trace != [16]byte{} && f.Span != [8]byte{} }

// dress draws what a request says beside its times.
func (m *maker) dress(s *madeSession, f *fact.Fact) {
	f.Policy = uint8(m.Roll(len(m.cfg.Policies)))
	if m.chance(4) {
		f.Policy = fact.NoPolicy
	}
	f.Outcome = among(m, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Served, fact.Indeterminate, fact.Rejected)
	f.Details = fact.Details{Method: "GET", Route: "/" + strconv.Itoa(int(f.Start%7)), Status: 200}
	if m.chance(40) {
		f.User = s.user
	} else if m.chance(4) {
		f.User = UserName(m.Roll(m.users))
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
		f.Outcome = fact.Outcome(m.Roll(3))
	}
	if m.chance(30) {
		f.User = among(m, fact.Name{}, s.user)
	}
	if m.chance(20) {
		f.Resource = Resources["api"]
		f.Policy = uint8(m.Roll(len(m.cfg.Policies)))
	}
	f.Details = fact.Details{Method: "POST", Path: "/log" + strconv.Itoa(int(f.Start%7)), Status: 200}
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
		f.Span = [8]byte{m.span}
		f.Resource = Resources[among(m, ResourceNames...)]
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
	f := fact.Fact{Session: s.name, Start: at, End: at + int64(among(m, 12*second, second, 60*second)), At: at, Resource: Resources[among(m, ResourceNames...)]}
	m.dress(s, &f)
	f.Trace, f.Span = m.ids()
	first := len(m.facts)
	m.facts = append(m.facts, f)
	for range 4 + m.Roll(12) {
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
func (m *maker) deliver(how Delivery) *History {
	h := &History{Steps: make([]Step, 0, len(m.facts)*5/4+8)}
	now := Epoch
	if m.blind && m.logins {
		// What was known of authentications before a blind time is what
		// makes it matter: here it is known from the start.
		f := fact.Fact{Kind: fact.Authenticated, Session: SessionName(25), Start: now, End: now, At: now, Resource: Resources["web"]}
		h.Steps = append(h.Steps, Step{Now: now, Fact: f, Keep: true})
		for i := range m.cfg.Policies {
			f.Kind, f.Policy, f.User, f.Trace = fact.Request, uint8(i), UserName(25), [16]byte{99}
			f.Span = [8]byte{byte(i + 1)}
			h.Steps = append(h.Steps, Step{Now: now, Fact: f, Keep: true})
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
			h.Steps = append(h.Steps, Step{Verb: Advance, Now: now})
		}
		if len(blinds) > 0 && m.chance(5) {
			h.Steps = append(h.Steps, Step{Verb: Blind, Now: now, Blind: blinds[0]})
			blinds = blinds[1:]
		}
		h.Steps = append(h.Steps, Step{Now: now, Fact: *f})
	}
	for _, b := range blinds {
		h.Steps = append(h.Steps, Step{Verb: Blind, Now: now, Blind: b})
	}
	h.Config = m.cfg
	return h
}

// order draws the order of arrival, and what arrives more than once. In the window no fact comes while its end is
// more than the window behind the newest of a session that it speaks of.
func (m *maker) order(how Delivery) []*fact.Fact {
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
		i := m.Roll(min(spread, len(left)))
		if how == InWindow && !m.mayCome(left, i) {
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
func (h *History) with(steps []Step) *History {
	other := *h
	other.Steps = steps
	return &other
}

// Minimal takes away from h what is not needed for it to be bad.
func Minimal(h *History, bad func(*History) bool) *History {
	for again := true; again; {
		again = false
		for size := (len(h.Steps) + 1) / 2; size > 0; size /= 2 {
			for from := 0; from+size <= len(h.Steps); {
				less := h.with(slices.Delete(slices.Clone(h.Steps), from, from+size))
				kept := slices.ContainsFunc(h.Steps[from:from+size], func(s Step) bool { return s.Keep })
				if !kept && bad(less) {
					h, again = less, true
				} else {
					from++
				}
			}
		}
		for i := range h.Steps {
			for _, plainer := range plainerFacts {
				less := h.with(slices.Clone(h.Steps))
				if plainer(&less.Steps[i].Fact); less.Steps[i] != h.Steps[i] && !h.Steps[i].Keep && bad(less) {
					h, again = less, true
				}
			}
		}
		for i := range h.Config.Policies {
			for _, plainer := range plainerPolicies {
				less := h.with(h.Steps)
				less.Config.Policies = slices.Clone(h.Config.Policies)
				if plainer(&less.Config.Policies[i]); less.Config.Policies[i] != h.Config.Policies[i] && bad(less) {
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
			f.Resource = Resources["web"]
		}
	},
	func(f *fact.Fact) { f.Details = fact.Details{} },
}

var plainerPolicies = []func(*rules){
	func(p *rules) { p.IdleTimeout = 0 },
	func(p *rules) { p.AbsoluteTimeout = 0 },
	func(p *rules) { p.Tolerance = 0 },
	func(p *rules) { p.EndGrace = 0 },
	func(p *rules) { p.RotationGrace = 0 },
	func(p *rules) { p.Background = observed },
	func(p *rules) { p.EvidenceIdentity = false },
	func(p *rules) { p.Inclusive = false },
	func(p *rules) { p.Sampled = false },
}

// String writes h as [MustParse] reads it.
func (h *History) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config wait=%s window=%s ahead=%s age=%s update=%s", h.Config.DecisionWait, h.Config.ReorderWindow,
		h.Config.MaxAhead, h.Config.MaxAge, h.Config.UpdateInterval)
	writeWord(&b, h.Config.PerRequest, "request")
	writeWord(&b, h.Config.Shards > 1, fmt.Sprint("lanes=", h.Config.Shards))
	for _, p := range h.Config.Policies {
		fmt.Fprintf(&b, "\npolicy %s idle=%s absolute=%s tolerance=%s end=%s rotation=%s", p.Name, p.IdleTimeout, p.AbsoluteTimeout,
			p.Tolerance, p.EndGrace, p.RotationGrace)
		writeWord(&b, p.Background == off, "off")
		writeWord(&b, p.Background == alert, "alert")
		writeWord(&b, p.EvidenceIdentity, "identity")
		writeWord(&b, p.Inclusive, "inclusive")
		writeWord(&b, p.Sampled, "sampled")
	}
	for i := range h.Steps {
		s := &h.Steps[i]
		fmt.Fprintf(&b, "\nnow=%s ", InstantText(s.Now))
		switch s.Verb {
		case Advance:
			b.WriteString("advance")
		case Blind:
			fmt.Fprintf(&b, "blind %s..%s %s", InstantText(s.Blind.From), InstantText(s.Blind.To), s.Blind.Reason)
		case Observe:
			writeFact(&b, &s.Fact)
		}
		writeWord(&b, s.Keep, "keep")
	}
	return b.String()
}

var FlagNames = []string{"consumer", "passive", "stream", "presented", "log", "sampled"}

var OutcomeNames = []string{"served", "indeterminate", "rejected"}

func writeFact(b *strings.Builder, f *fact.Fact) {
	name := f.Session.Raw
	if name == "" {
		name = "-"
	}
	fmt.Fprintf(b, "%s %s at=%s", name, f.Kind, InstantText(f.Start))
	if f.End != f.Start {
		fmt.Fprintf(b, "..%s", InstantText(f.End))
	}
	if f.At != f.Start {
		fmt.Fprintf(b, " own=%s", InstantText(f.At))
	}
	fmt.Fprintf(b, " %s", resourceName(*f.Resource))
	if f.Kind == fact.Request {
		fmt.Fprintf(b, " %s %s", policyText(f.Policy), OutcomeNames[f.Outcome])
	}
	for i, flag := range FlagNames {
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
func InstantText(t int64) string {
	if t == 0 {
		return "never"
	}
	return time.Duration(t - Epoch).String()
}

// MustParse reads a history. Where now is missing it is the end of the fact,
// or the last now; where no policy is named, p0 governs; where no service, web.
// It panics on what it does not understand.
func MustParse(text string) *History {
	h := &History{Config: DefaultConfig()}
	now := Epoch
	for group := range strings.Lines(text) {
		words := strings.Fields(group)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		switch words[0] {
		case "config":
			parseConfig(&h.Config, words[1:])
			continue
		case "policy":
			h.Config.Policies = append(h.Config.Policies, parsePolicy(words[1:]))
			continue
		}
		s := Step{Keep: words[len(words)-1] == "keep"}
		v, given := strings.CutPrefix(words[0], "now=")
		if given {
			s.Now, words = parseInstant(v), words[1:]
		}
		switch words[0] {
		case "advance":
			s.Verb = Advance
		case "blind":
			s.Verb = Blind
			from, to, _ := strings.Cut(words[1], "..")
			s.Blind = Blindness{parseInstant(from), parseInstant(to), words[2]}
		default:
			s.Fact = parseFact(words)
		}
		if !given {
			s.Now = max(now, s.Fact.End)
		}
		now = s.Now
		h.Steps = append(h.Steps, s)
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

func parseInstant(v string) int64 { return Epoch + int64(parseDuration(v)) }

func parseConfig(c *settings, words []string) {
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

func parsePolicy(words []string) rules {
	p := rules{Name: words[0]}
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
			p.Background = off
		case "alert":
			p.Background = alert
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
	f := fact.Fact{Resource: Resources["web"]}
	if words[0] != "-" {
		f.Session = SessionName(int(words[0][0] - 'a'))
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
			f.User = UserName(int(v[1] - '1'))
		case k == "from":
			f.Previous = SessionName(int(v[0] - 'a'))
		case k == "id":
			trace, span, _ := strings.Cut(v, "/")
			f.Trace[0], f.Span[0] = parseNumber(trace), parseNumber(span)
		case Resources[k] != nil:
			f.Resource = Resources[k]
		case slices.Contains(OutcomeNames, k):
			f.Outcome = fact.Outcome(slices.Index(OutcomeNames, k))
		case slices.Contains(FlagNames, k):
			f.Flags |= 1 << slices.Index(FlagNames, k)
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
