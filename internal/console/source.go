package console

import (
	"time"

	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// Registry is an extension that shows what engines find. A processor looks for them among
// its host's extensions. Safe for concurrent use.
type Registry interface {
	component.Component
	// History is how many findings are shown at most, with their timelines.
	History() int
	// Register begins to show an engine, the processor's of this id.
	Register(id component.ID, engine Engine) Sink
}

// Sink takes what an engine finds. Safe for concurrent use.
type Sink interface {
	// Found shows findings. It waits for nobody and keeps what it is given, but for the
	// slice itself.
	Found([]findinglog.Record)
	// End says that the engine has stopped: nothing is asked of it when End has returned.
	End()
}

// Engine is asked what a console shows beside findings. Safe for concurrent use.
type Engine interface {
	// Describe is what does not change while the engine runs.
	Describe() Description
	// Counts are what is counted now.
	Counts() Counts
}

// Description of an engine.
type Description struct {
	Policies []Policy
	// Sources of session ids, as a person reads them.
	Sources []string
	// KeyID is a fingerprint of the key that pseudonyms are made with.
	KeyID string
	// Replay: it reads a recording, whose time says nothing.
	Replay bool
	// Stored: what is known outlives the process.
	Stored                                        bool
	DecisionWait, IdleDecisionWait, ReorderWindow time.Duration
	Retention                                     time.Duration
	MaxSessions, MaxRecentRequests, MaxServices   int
}

// Policy is what requests must keep to. A limit of 0 is none.
type Policy struct {
	Name                               string
	Match                              map[string][]string
	IdleTimeout, AbsoluteTimeout       time.Duration
	Tolerance, EndGrace, RotationGrace time.Duration
	Severity                           string
	Evidence, Background               string
	Inclusive, Sampled                 bool
}

// Counts of an engine since it began, or since what it restored.
type Counts struct {
	Sessions, Pending, Backlog int
	// Judged are requests by policy and service, Seen records by service.
	Judged []Judged
	Seen   []Seen
	// Findings by state, Blind seconds and Lost pieces of evidence by reason.
	Findings, Lost map[string]int64
	Blind          map[string]time.Duration
	// Undelivered findings found no way out.
	Undelivered int64
	// Nearest names of attributes are like one that is looked for, where requests came that
	// name no session; three at most.
	Nearest []string
	// Advice in the order of what is at stake, the worst first.
	Advice []Advice
}

// Advice says what keeps findings from being found, from being true or from being all. It
// names what telemetry names, and quotes no value.
type Advice struct {
	// Group is AdviceNothing, AdviceFalse or AdviceFewer, Title how its sentences begin.
	Group, Title string
	// Code is the kind of advice, as the metric processor_session_timeout_advice has it.
	Code string
	// Service is empty where it is about all of them.
	Service string
	// Sentence says what is the matter, the number that it rests on and the key to set.
	Sentence string
}

// The groups of advice.
const (
	AdviceNothing = "nothing" // can be found
	AdviceFalse   = "false"   // findings are to be expected
	AdviceFewer   = "fewer"   // findings than there could be
)

// NothingArrived is the code of what is said where an engine has got nothing.
const NothingArrived = "nothing_arrived"

// Judged are the requests to one service under one policy.
type Judged struct {
	Policy                                             int // index in Description.Policies
	Service                                            string
	InTime, Late, Refused, RefusedEarly, Indeterminate int64
	// Violations by type.
	Violations map[string]int64
	// LongestServed is the longest silence after which a session was served, ShortestRefused
	// the shortest after which one was refused; 0 where none was seen.
	LongestServed, ShortestRefused time.Duration
}

// Seen is how much of a service's telemetry names a session.
type Seen struct {
	Service                                 string
	WithID, WithoutID, Other, NotUnderstood int64
}
