package sessiontest

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// late goes to where a request may be too late.
func (e *episode) late() {
	at := among(e.maker, e.deaths...) + int64(e.p.Tolerance) + int64(among(e.maker, 1, time.Second, 0, 3*time.Second, 1, 5*time.Second))
	e.at = at
	if e.blind && len(e.blinds) < 4 && (!e.logins || e.chance(25)) {
		e.blinds = append(e.blinds, Blindness{From: at - int64(among(e.maker, 20*time.Second, time.Second)), To: at, Reason: among(e.maker, "crash", "shed")})
	}
}

// plain asks what is plain.
func (e *episode) plain() {
	e.late()
	f := e.ask(e.s)
	e.show(f, e.s, 40)
	if e.chance(20) {
		f.Flags |= among(e.maker, fact.Passive, fact.Consumer)
	}
	if e.chance(25) {
		e.says(*f)
	}
}

// weak asks what proves something only perhaps.
func (e *episode) weak() {
	if e.chance(25) {
		e.p.Evidence = fact.EvidencePresented
	}
	e.late()
	f := e.ask(e.s)
	f.Flags |= among(e.maker, fact.Presented, fact.Options, fact.UserPresented, fact.Presented|fact.UserPresented)
	if f.Flags.Has(fact.UserPresented) || e.chance(25) {
		e.shown(f, among(e.maker, e.s.user, UserName(e.Roll(4))))
	}
}

// logged asks what is told of twice or thrice.
func (e *episode) logged() {
	e.late()
	f := *e.ask(e.s)
	if e.chance(50) { // by logs alone
		f.Flags |= fact.FromLog
		e.facts[len(e.facts)-1] = f
		e.tellApart(&e.facts[len(e.facts)-1])
	}
	for range 1 + e.Roll(2) {
		log := f
		log.Flags |= fact.FromLog | among(e.maker, 0, fact.Exempt, fact.Passive)
		log.Outcome = among(e.maker, fact.Rejected, fact.Served, fact.Indeterminate)
		log.End += int64(among(e.maker, 0, time.Second/10))
		log.At = log.End
		log.Details = fact.Details{Method: "POST", Path: "/log", Status: 200}
		e.show(&log, e.s, 30)
		e.tellApart(&log)
		e.facts = append(e.facts, log)
	}
}

// busy asks on an id that many use.
func (e *episode) busy() {
	if e.late(); e.s.others == 0 {
		e.s.others = 3
		e.cfg.MaxUsers = 1 + e.Roll(2)
		for i := range e.cfg.MaxUsers + 1 {
			e.at -= int64(time.Second)
			f := e.tell(fact.Activity, e.s)
			if f.User = UserName(i); i > 0 && e.chance(12) {
				f.UserSource = uint8(1 + e.Roll(2))
			}
			if e.chance(25) && e.logins {
				e.tell(fact.Authenticated, e.s)
			}
		}
		e.late()
	}
	e.show(e.ask(e.s), e.s, 30)
}

// deep asks what lies inside something only by what it lies inside of: the service of the
// outermost calls others.
func (e *episode) deep() {
	e.called = true
	e.late()
	f := e.ask(e.s)
	f.Start, f.At, f.End = e.at-int64(time.Second), e.at-int64(time.Second), e.at+int64(10*time.Second)
	f.Flags, f.Resource = among(e.maker, fact.Exempt, fact.Consumer), Resources[e.calling[0]]
	e.callers = append(e.callers, fact.Caller{Calls: true, Start: f.Start, End: f.End, Resource: f.Resource})
	around := *f
	inner := e.within(&around, e.at, e.at+int64(8*time.Second))
	inner.Flags, inner.Resource = fact.ParentLocal, Resources[among(e.maker, "jobs", "web-eu", "api")]
	around = *inner
	inner = e.within(&around, e.at, e.at+int64(5*time.Second))
	if e.chance(70) {
		inner.Flags, inner.Parent = 0, [8]byte{}
	}
	e.show(inner, e.s, 30)
}

// within draws a request inside f, whichever parent it has.
func (e *episode) within(f *fact.Fact, start, end int64) *fact.Fact {
	g := *f
	g.Start, g.At, g.End, g.Flags, g.User, g.UserSource, g.Outcome = start, start, max(start, end), 0, fact.Name{}, 0, fact.Served
	e.span++
	g.Span, g.Parent = [8]byte{e.span}, [8]byte{}
	if g.Resource = Resources[among(e.maker, ResourceNames...)]; e.called {
		e.parent(&g)
	}
	if e.blind && e.called && e.chance(50) { // so that the parent matters
		e.callers = append(e.callers, fact.Caller{Calls: true, Start: f.Start, End: f.End, Resource: f.Resource})
	}
	e.facts = append(e.facts, g)
	return &e.facts[len(e.facts)-1]
}

// refused asks what is served around a refusal, behind which something else is served.
func (e *episode) refused() {
	e.late()
	f := e.ask(e.s)
	f.End += int64(5 * time.Second)
	e.show(f, e.s, 8)
	around := *f
	no := *e.within(&around, f.Start+int64(time.Second), f.Start+int64(2*time.Second))
	e.facts[len(e.facts)-1].Outcome = fact.Rejected
	for range 1 + e.Roll(2) {
		yes := e.within(&around, no.Start+int64(among(e.maker, 0, time.Second)), no.End+int64(among(e.maker, time.Second, 1, 0)))
		if e.chance(50) {
			yes.Resource = no.Resource
		}
		if e.chance(25) {
			yes.Flags |= fact.Exempt
		}
	}
}

// nested asks what lies inside something that began before the session was dead, and
// inside what lies inside that.
func (e *episode) nested() {
	e.late()
	at := e.at
	e.at -= int64(among(e.maker, 2*time.Second+e.p.Tolerance, 5*time.Second+e.p.Tolerance, 0))
	f := e.ask(e.s)
	f.End = at + int64(20*time.Second)
	f.Flags |= among(e.maker, fact.Exempt, 0, fact.Consumer, fact.Stream, 0, fact.Exempt, fact.Consumer)
	f.Outcome = among(e.maker, fact.Served, fact.Rejected)
	if e.chance(15) {
		f.Flags |= among(e.maker, fact.Exempt, fact.Consumer, fact.Stream)
	}
	around := *f
	for range 1 + e.Roll(2) {
		end := around.End - int64(among(e.maker, time.Second, 0, 1, -1))
		around = *e.within(&around, max(at, around.Start+int64(among(e.maker, 0, time.Second))), end)
		e.show(&e.facts[len(e.facts)-1], e.s, 15)
		e.mark(e.s, around.Start)
	}
}
