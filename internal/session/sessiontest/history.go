package sessiontest

import (
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A History is what one engine meets: facts in the order of their arrival, and
// what happens between them. Its text form, which [History.String] writes and
// [Parse] reads, is one line for each policy and each step:
//
//	policy p0 idle=10s absolute=1m tolerance=1s end=2s rotation=3s
//	now=1s a request at=0s..1s served p0 web user=u1 id=1/2
//	now=2s advance
//	now=3s blind 0s..2s crash
//	now=4s call at=0s..1s web id=1/7
//
// Instants are durations after [Epoch]. Sessions are letters, users u1, u2 and so on,
// services the names in [Resources]; user=u1/2 is named by the third source, user=u1 by the
// first.
type History struct {
	Config Config
	Steps  []Step
}

// Config is what an engine is told of a history before it begins: what verdicts depend
// on, and little more. The reference remembers all.
type Config struct {
	Policies []Policy
	// DecisionWait is how long a verdict waits for what may clear it, IdleDecisionWait
	// how long one that rests on silence does, if that is longer.
	DecisionWait, IdleDecisionWait time.Duration
	// ReorderWindow is how far a fact may end behind its session's newest end.
	ReorderWindow time.Duration
	// MaxAhead and MaxAge bound a timestamp against its arrival; MaxAge 0 is no bound.
	MaxAhead, MaxAge time.Duration
	// MaxUsers: a session that shows more users is shared; 0: none is.
	MaxUsers int
	// LoginsAssumed: for so long after the first fact came logins count as reported.
	LoginsAssumed time.Duration
	// Retention is for how long a session is remembered after its last fact arrived.
	Retention time.Duration
	// PerRequest: one finding for every request, not for every session.
	PerRequest bool
	// UpdateInterval bounds how often a growing finding is sent again, and Shards is
	// how many shares the sessions are routed to. No verdict depends on them.
	UpdateInterval time.Duration
	Shards         int
}

// rememberAll is longer than any history.
const rememberAll = 100_000 * time.Hour

// Policy is what one group of requests must keep to. A limit of zero is none.
type Policy struct {
	Name            string
	IdleTimeout     time.Duration
	AbsoluteTimeout time.Duration
	Tolerance       time.Duration
	EndGrace        time.Duration
	RotationGrace   time.Duration
	Background      Background
	Evidence        fact.Evidence
	Inclusive       bool // a limit is exceeded at its value, not only past it
	Sampled         bool // silence proves nothing
}

// Background says what becomes of violations by CONSUMER spans.
type Background uint8

// The ways to treat background work.
const (
	BackgroundObserve Background = iota // found, and never an alert
	BackgroundOff                       // not judged
	BackgroundAlert                     // as any other request
)

// DefaultConfig is that of a history whose text names nothing else. It has no policies.
func DefaultConfig() Config {
	return Config{DecisionWait: 10 * time.Second, ReorderWindow: time.Hour, MaxAhead: 5 * time.Minute, MaxUsers: 5, Retention: rememberAll, UpdateInterval: time.Minute}
}

// A Step is one call of an engine.
type Step struct {
	Verb Verb
	Now  int64     // when, on the collector's clock
	Fact fact.Fact // to observe
	// Caller is a span that may be the parent of requests, to know of.
	Caller fact.Caller
	Blind  Blindness // to know of
	Keep   bool      // not to be taken away when the history is made smaller
}

// A Verb is what an engine is called for.
type Verb byte

// The verbs.
const (
	Observe Verb = iota // a fact came
	Advance             // time went on
	Blind               // a time is known to be blind
	Call                // a span came that may be the parent of requests
)

// A Blindness is a time whose facts may be lost for good.
type Blindness struct {
	From, To int64
	Reason   string
}

// An Arrival is a fact and when it came, on the collector's clock.
type Arrival struct {
	Fact fact.Fact
	At   int64
	// Calls are spans that may be parents, with any of the facts: no verdict depends on
	// when they come.
	Calls []CallArrival
}

// A CallArrival is a span that may be the parent of requests, and when it came.
type CallArrival struct {
	Caller fact.Caller
	At     int64
}

// Arrivals are the facts and the blind times of h: what the reference is told.
func (h *History) Arrivals() (facts []Arrival, blinds []Blindness) {
	var calls []CallArrival
	for i := range h.Steps {
		switch s := &h.Steps[i]; s.Verb {
		case Observe:
			facts = append(facts, Arrival{Fact: s.Fact, At: s.Now})
		case Blind:
			blinds = append(blinds, s.Blind)
		case Call:
			calls = append(calls, CallArrival{s.Caller, s.Now})
		}
	}
	if len(facts) > 0 {
		facts[0].Calls = calls
	}
	return facts, blinds
}

// Epoch is the instant 0s of a history.
var Epoch = time.Date(2026, 3, 28, 22, 0, 0, 0, time.UTC).UnixNano()

// Resources are the services of histories, by their names in the text form.
// web and web2 are two instances of one service, web-eu is another.
var Resources = map[string]*fact.Resource{
	"web":    {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-1", Environment: "prod"},
	"web2":   {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-2", Environment: "prod"},
	"web-eu": {ServiceName: "web", ServiceNamespace: "shop", ServiceInstance: "web-3", Environment: "eu"},
	"api":    {ServiceName: "api"},
	"jobs":   {ServiceName: "jobs", ServiceInstance: "jobs-1"},
}

// ResourceNames are the names in [Resources] in the order in which they are drawn.
var ResourceNames = []string{"web", "api", "web2", "jobs", "web-eu"}

func resourceName(r fact.Resource) string {
	for _, name := range ResourceNames {
		if *Resources[name] == r {
			return name
		}
	}
	return r.ServiceName
}

// SessionName is session n of histories, from 0: a, b and so on.
func SessionName(n int) fact.Name {
	return fact.Name{ID: fact.ID{1, uint64(n + 1)}, Raw: string(rune('a' + n))}
}

// UserName is user n of histories, from 0: u1, u2 and so on.
func UserName(n int) fact.Name {
	return fact.Name{ID: fact.ID{uint64(n + 1), 2}, Raw: "u" + strconv.Itoa(n+1)}
}

// Pseudonym is what is shown of a raw id: the id itself, so that findings can be read.
func Pseudonym(raw string) (p fact.Pseudonym) {
	copy(p[:], raw)
	return p
}

// RawOf is the id that [Pseudonym] shows.
func RawOf(p fact.Pseudonym) string { return strings.TrimRight(string(p[:]), "\x00") }
