package e2e

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// Whoever sends the load does so from several places at once, one of which only
// sends events.
const (
	eventsLane = 0
	lanes      = 3
)

var laneServices = [lanes]string{"storefront", "storefront", "ledger"}

// sent is one record of the load.
type sent struct {
	lane     int
	start    time.Time // event time
	end      time.Time
	delivery time.Time // when it is first sent
	event    string    // else it is a request
	status   int
	session  string
	previous string
	user     string
}

// plots are what may happen in a session: violations and what looks like them.
var plots = []func(p *plot){
	func(p *plot) { p.visits(6); p.ends(); p.after(600, 900).visit(401) },
	func(p *plot) { p.visits(8) },
	func(p *plot) { p.visits(3); p.after(1900, 2400).visits(2) },                            // idle for too long
	func(p *plot) { p.visits(3); p.after(1900, 2400).logsInLate(); p.visits(3) },            // but logged in again
	func(p *plot) { p.visits(12); p.visits(3) },                                             // too old
	func(p *plot) { p.visits(3); p.ends(); p.after(600, 1500).visits(2) },                   // ended
	func(p *plot) { p.visits(3); p.rotates(); p.after(600, 1500).visits(2) },                // rotated
	func(p *plot) { p.visits(3); p.userCleared(); p.after(600, 1500).visits(2) },            // revoked
	func(p *plot) { p.visits(2); p.after(1900, 2400).visit(401); p.visit(403) },             // refused
	func(p *plot) { p.visits(3); p.ends(); p.after(600, 900).logsInLate(); p.visits(3) },    // revived by a login
	func(p *plot) { p.visits(3); p.after(1900, 2400).visits(1); p.ends(); p.visits(2) },     // more than one rule
	func(p *plot) { p.visits(4); p.userClearedBySelf(); p.after(600, 1500).visits(2) },      // spared
	func(p *plot) { p.visits(2); p.rotates(); p.session = p.successor; p.visits(4) },        // goes on under the new id
	func(p *plot) { p.visits(3); p.endsLate(); p.after(600, 900).visits(2) },                // known to be ended only afterwards
	func(p *plot) { p.visits(2); p.endsLate(); p.after(200, 400).logsIn(); p.visits(6) },    // the login is there before the end
	func(p *plot) { p.visits(3); p.after(1900, 2400).visitLate(); p.after(1, 2).visits(1) }, // idle, told in the wrong order
}

// The ids beside a plot's own.
const (
	successorPrefix = "next-"
	otherPrefix     = "another-"
)

// plot writes one session.
type plot struct {
	rng                      *rand.Rand
	at                       time.Time
	session, successor, user string
	guest                    bool
	records                  []sent
}

// write returns the records of the n-th session of a seed, which begins at begin.
// Guests never log in, so that no login of theirs can be missed; members do to
// begin with.
func write(seed, n uint64, begin time.Time) []sent {
	p := &plot{rng: rand.New(rand.NewPCG(seed, n)), at: begin} //nolint:gosec // a load, no secret
	p.session = fmt.Sprintf("session-%d-%016x", n, p.rng.Uint64())
	p.successor = successorPrefix + p.session
	if p.rng.IntN(2) == 0 {
		p.user, p.guest = fmt.Sprintf("guest-%d", n), true
		p.emit(sent{event: "session.start"}, 0)
	} else {
		p.user = fmt.Sprintf("member-%d", n)
		p.emit(sent{event: "authn_login_success"}, 0)
	}
	plots[p.rng.IntN(len(plots))](p)
	return p.records
}

// plotOf is the session that a plot began with.
func plotOf(session string) string {
	return strings.TrimPrefix(strings.TrimPrefix(session, successorPrefix), otherPrefix)
}

func (p *plot) between(from, to int) time.Duration {
	return time.Duration(from+p.rng.IntN(to-from)) * time.Millisecond
}

func (p *plot) after(from, to int) *plot {
	p.at = p.at.Add(p.between(from, to))
	return p
}

// emit sends a record as exporters do, up to half a second after it happened, or
// later by delay.
func (p *plot) emit(r sent, delay time.Duration) {
	r.start, r.end = p.at, p.at
	r.session, r.user = p.session, p.user
	if r.event == "" {
		r.end = p.at.Add(p.between(5, 60))
		r.lane = 1 + p.rng.IntN(lanes-1)
	}
	r.delivery = r.end.Add(delay + p.between(10, 500))
	p.records = append(p.records, r)
}

func (p *plot) visit(status int) { p.emit(sent{status: status}, 0) }

func (p *plot) visitLate() { p.emit(sent{status: 200}, time.Second) }

func (p *plot) visits(n int) {
	for range n {
		p.after(200, 500).visit(200)
	}
}

func (p *plot) ends() { p.after(50, 100).emit(sent{event: "session.end"}, 0) }

func (p *plot) endsLate() { p.after(50, 100).emit(sent{event: "session.end"}, time.Second) }

func (p *plot) logsIn() { p.logsInAfter(0) }

func (p *plot) logsInLate() { p.logsInAfter(time.Second) }

func (p *plot) logsInAfter(delay time.Duration) {
	if !p.guest {
		p.emit(sent{event: "authn_login_success"}, delay)
	}
}

func (p *plot) rotates() {
	old := p.session
	p.session = p.successor
	p.after(50, 100).emit(sent{event: "session.start", previous: old}, 0)
	p.session = old
}

func (p *plot) userCleared() {
	own := p.session
	p.session = otherPrefix + own
	p.after(50, 100).emit(sent{event: "user.session.clear"}, 0)
	p.session = own
}

func (p *plot) userClearedBySelf() { p.after(50, 100).emit(sent{event: "user.session.clear"}, 0) }

// batch is what one export brings, as OTLP.
type batch struct {
	path string
	body []byte
	from time.Time // of its oldest record
	due  time.Time // when it is first sent
	of   []string  // the sessions that it tells of
}

// receipt says when a batch arrived, and the sessions that it told of.
type receipt struct {
	from, sent, acknowledged time.Time
	of                       []string
}

// export makes a batch of records of one lane.
func export(lane int, records []sent, due time.Time, rng *rand.Rand) (batch, error) {
	b := batch{due: due, from: slices.MinFunc(records, func(a, b sent) int { return a.start.Compare(b.start) }).start}
	describe := func(r sent, attributes pcommon.Map) {
		b.of = append(b.of, plotOf(r.session))
		attributes.PutStr("session.id", r.session)
		attributes.PutStr("user.id", r.user)
		if r.previous != "" {
			attributes.PutStr("session.previous_id", r.previous)
		}
	}
	var err error
	if lane == eventsLane {
		b.path = "/v1/logs"
		logs := plog.NewLogs()
		resource := logs.ResourceLogs().AppendEmpty()
		resource.Resource().Attributes().PutStr("service.name", laneServices[lane])
		scope := resource.ScopeLogs().AppendEmpty()
		for _, r := range records {
			record := scope.LogRecords().AppendEmpty()
			record.SetEventName(r.event)
			record.SetTimestamp(pcommon.NewTimestampFromTime(r.start))
			describe(r, record.Attributes())
		}
		b.body, err = plogotlp.NewExportRequestFromLogs(logs).MarshalProto()
		return b, err
	}
	b.path = "/v1/traces"
	traces := ptrace.NewTraces()
	resource := traces.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", laneServices[lane])
	scope := resource.ScopeSpans().AppendEmpty()
	for _, r := range records {
		span := scope.Spans().AppendEmpty()
		var trace pcommon.TraceID
		var id pcommon.SpanID
		for i := range trace {
			trace[i] = byte(1 + rng.IntN(255))
		}
		copy(id[:], trace[4:])
		span.SetTraceID(trace)
		span.SetSpanID(id)
		span.SetName("GET /orders")
		span.SetKind(ptrace.SpanKindServer)
		span.SetStartTimestamp(pcommon.NewTimestampFromTime(r.start))
		span.SetEndTimestamp(pcommon.NewTimestampFromTime(r.end))
		span.Attributes().PutStr("http.request.method", http.MethodGet)
		span.Attributes().PutStr("http.route", "/orders")
		span.Attributes().PutInt("http.response.status_code", int64(r.status))
		describe(r, span.Attributes())
	}
	b.body, err = ptraceotlp.NewExportRequestFromTraces(traces).MarshalProto()
	return b, err
}

// load plays sessions and hands what they send to every sender, until done is
// closed and the last session is over.
type load struct {
	seed     uint64
	senders  []*sender
	sessions uint64
	records  int
}

const (
	sessionEvery = 40 * time.Millisecond
	exportEvery  = 50 * time.Millisecond
)

func (l *load) run(ctx context.Context, done <-chan struct{}) error {
	rng := rand.New(rand.NewPCG(l.seed, 0)) //nolint:gosec // a load, no secret
	begin := time.Now()
	var waiting []sent
	tick := time.NewTicker(exportEvery)
	defer tick.Stop()
	for closing := false; !closing || len(waiting) > 0; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done:
			closing, done = true, nil
		case now := <-tick.C:
			for ; !closing && begin.Add(time.Duration(l.sessions)*sessionEvery).Before(now); l.sessions++ {
				records := write(l.seed, l.sessions, begin.Add(time.Duration(l.sessions)*sessionEvery))
				l.records += len(records)
				waiting = append(waiting, records...)
			}
			var due [lanes][]sent
			waiting = slices.DeleteFunc(waiting, func(r sent) bool {
				if r.delivery.After(now) {
					return false
				}
				due[r.lane] = append(due[r.lane], r)
				return true
			})
			for lane, records := range due {
				if len(records) == 0 {
					continue
				}
				b, err := export(lane, records, now, rng)
				if err != nil {
					return err
				}
				for _, s := range l.senders {
					s.add(lane, b)
				}
			}
		}
	}
	return nil
}
