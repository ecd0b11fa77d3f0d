package findinglog

import (
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Prefix is what the names of all attributes begin with that are our own.
const Prefix = "session_timeout."

// The attributes of a finding's log record.
const (
	AttrSession        = "session_timeout.session"
	AttrUser           = "session_timeout.user"
	AttrID             = "session_timeout.id"
	AttrRevision       = "session_timeout.revision"
	AttrType           = "session_timeout.type"
	AttrState          = "session_timeout.state"
	AttrReason         = "session_timeout.reason"
	AttrOverrun        = "session_timeout.overrun"
	AttrExpiredAt      = "session_timeout.expired_at"
	AttrRequests       = "session_timeout.requests"
	AttrFirstAt        = "session_timeout.first_at"
	AttrLastAt         = "session_timeout.last_at"
	AttrStartedAt      = "session_timeout.started_at"
	AttrStartKnown     = "session_timeout.start_known"
	AttrLastActivityAt = "session_timeout.last_activity_at"
	AttrEndedBy        = "session_timeout.ended_by"
	AttrPolicy         = "session_timeout.policy"
	AttrLimit          = "session_timeout.limit"
	AttrEvidence       = "session_timeout.evidence"
	AttrBackground     = "session_timeout.background"

	AttrMethod      = "http.request.method"
	AttrRoute       = "http.route"
	AttrPath        = "url.path"
	AttrStatus      = "http.response.status_code"
	AttrRPCMethod   = "rpc.method"
	AttrDestination = "messaging.destination.name"
)

// The attributes of its resource.
const (
	AttrServiceName      = "service.name"
	AttrServiceNamespace = "service.namespace"
	AttrServiceInstance  = "service.instance.id"
	AttrEnvironment      = "deployment.environment.name"
)

// detailNames are what the texts of a request are called, in the order of [fact.Details.Texts];
// its user is the finding's.
var detailNames = [...]string{AttrMethod, AttrRoute, AttrPath, AttrRPCMethod, AttrDestination, ""}

// A text without a name does not compile.
var _ [fact.DetailTexts]string = detailNames

// attributes are those of the record, in the order in which they are written.
var attributes = append([]attribute{
	each(AttrSession, pseudonym, FlawSession, func(r *Record) *fact.Pseudonym { return &r.Session }),
	known(AttrUser, pseudonym, FlawUser, func(r *Record) *fact.Pseudonym { return &r.User }),
	each(AttrID, findingID, FlawID, func(r *Record) *uint64 { return &r.ID }),
	each(AttrRevision, count, FlawRevision, func(r *Record) *int { return &r.Revision }),
	each(AttrType, named(fact.TypeCount), FlawType, func(r *Record) *fact.Type { return &r.Type }),
	each(AttrState, named(fact.StateCount), FlawState, func(r *Record) *fact.State { return &r.State }),
	known(AttrReason, text, Flawless, func(r *Record) *string { return &r.Reason }),
	each(AttrOverrun, seconds[int64](), FlawOverrun, func(r *Record) *int64 { return &r.Overrun }),
	each(AttrExpiredAt, instant, FlawTime, func(r *Record) *int64 { return &r.ExpiredAt }),
	each(AttrRequests, count, FlawRequests, func(r *Record) *int { return &r.Requests }),
	each(AttrFirstAt, instant, FlawTime, func(r *Record) *int64 { return &r.FirstAt }),
	each(AttrLastAt, instant, FlawTime, func(r *Record) *int64 { return &r.LastAt }),
	each(AttrStartedAt, instant, FlawTime, func(r *Record) *int64 { return &r.StartedAt }),
	each(AttrStartKnown, boolean, Flawless, func(r *Record) *bool { return &r.StartKnown }),
	each(AttrLastActivityAt, instant, FlawTime, func(r *Record) *int64 { return &r.LastActivityAt }).only(ofIdle),
	known(AttrEndedBy, text, Flawless, func(r *Record) *string { return &r.EndedBy }),
	each(AttrPolicy, text, Flawless, func(r *Record) *string { return &r.PolicyName }),
	each(AttrLimit, seconds[time.Duration](), Flawless, func(r *Record) *time.Duration { return &r.Limit }),
	each(AttrEvidence, named(fact.EvidenceCount), Flawless, func(r *Record) *fact.Evidence { return &r.Evidence }),
	each(AttrBackground, boolean, Flawless, func(r *Record) *bool { return &r.Background }),
}, details()...)

// details are the attributes that quote the offending request.
func details() (all []attribute) {
	for i, name := range detailNames {
		if name == "" {
			continue
		}
		all = append(all, known(name, text, Flawless, func(r *Record) *string { return r.Details.Texts()[i] }))
		if name == AttrPath { // beside what it answers
			all = append(all, known(AttrStatus, status, Flawless, func(r *Record) *int32 { return &r.Details.Status }))
		}
	}
	return all
}

// resourceAttributes are those of the resource.
var resourceAttributes = []attribute{
	known(AttrServiceName, text, Flawless, func(r *Record) *string { return &r.Resource.ServiceName }),
	known(AttrServiceNamespace, text, Flawless, func(r *Record) *string { return &r.Resource.ServiceNamespace }),
	known(AttrServiceInstance, text, Flawless, func(r *Record) *string { return &r.Resource.ServiceInstance }),
	known(AttrEnvironment, text, Flawless, func(r *Record) *string { return &r.Resource.Environment }),
}

// attribute is one of a record's: its name, which records have it, and how it is written and read back.
type attribute struct {
	name string
	// flaw of a record that should have it and has not, or that has something else there. Without one
	// the value reads as unknown then, and the record is a finding all the same.
	flaw Flaw
	// in reports whether a record has it.
	in    func(*Record) bool
	write func(*Record, pcommon.Value)
	// read leaves zero in the record where it reports that the value is not one that write writes.
	read func(*Record, pcommon.Value) bool
}

// each is an attribute that every record has.
func each[T any](name string, k kind[T], flaw Flaw, field func(*Record) *T) attribute {
	return attribute{
		name: name, flaw: flaw,
		in:    func(*Record) bool { return true },
		write: func(r *Record, to pcommon.Value) { k.write(to, *field(r)) },
		read: func(r *Record, from pcommon.Value) bool {
			v, ok := k.read(from)
			if !ok {
				v = *new(T)
			}
			*field(r) = v
			return ok
		},
	}
}

// known is an attribute of the records in which it is not zero.
func known[T comparable](name string, k kind[T], flaw Flaw, field func(*Record) *T) attribute {
	return each(name, k, flaw, field).only(func(r *Record) bool { return *field(r) != *new(T) })
}

func (a attribute) only(in func(*Record) bool) attribute {
	a.in = in
	return a
}

func ofIdle(r *Record) bool { return r.Type == fact.IdleTimeout }
