package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// detailFact is the request n of a session, served by web.
func detailFact(session int, at time.Duration, id byte, path string) fact.Fact {
	i := sessiontest.Epoch + int64(at)
	f := fact.Fact{
		Session: sessiontest.SessionName(session), Start: i, End: i + 1000, At: i, Resource: sessiontest.Resources["web"],
		Details: fact.Details{Method: "GET", Path: path, Status: 200},
	}
	f.Trace[0], f.Span[0] = id, id
	return f
}

// TestLateSpanKeepsDetails: a span that joins the oldest recent request takes
// the details of no other with it.
func TestLateSpanKeepsDetails(t *testing.T) {
	const n = 4096
	cfg := historyConfig()
	cfg.MaxRecentRequests, cfg.DecisionWait = n, time.Minute
	cfg.Policies = []Policy{{Name: "p", IdleTimeout: time.Hour, EndGrace: time.Second, Tolerance: time.Second}}
	e, now := New(cfg), sessiontest.Epoch
	observe := func(f fact.Fact) { now = max(now, f.End); e.observe(&f, now) }
	log := detailFact(0, 0, 7, "/a")
	log.Flags = fact.FromLog
	observe(log)
	path := func(i int) string { return fmt.Sprint("/orders/", strings.Repeat("x", 200), i) }
	at := func(i int) time.Duration { return time.Second + time.Duration(i)*time.Millisecond }
	for i := range n - 1 {
		observe(detailFact(1, at(i), 0, path(i)))
	}
	observe(detailFact(0, 0, 7, "/a"))             // the span of the first request
	observe(detailFact(0, 6*time.Second, 9, "/b")) // what takes its place
	before := e.counters().Facts(fact.Request)
	observe(detailFact(1, at(3000), 0, path(3000)))
	if got := e.counters().Facts(fact.Request); got != before {
		t.Errorf("a record delivered twice counts twice: %d, want %d", got, before)
	}
	end := detailFact(1, 500*time.Millisecond, 0, "")
	end.Kind, end.End, end.Details = fact.Ended, end.Start, fact.Details{}
	e.observe(&end, now)
	e.advance(now + int64(2*time.Minute))
	found := e.takeFindings()
	if len(found) == 0 {
		t.Error("nothing is found")
	}
	for _, f := range found {
		if f.Details.Path == "" {
			t.Errorf("a finding without method, path and status: %+v", f.Details)
		}
	}
}

// TestEveryTextIsKept: each text of a request's details is kept though it has no other.
func TestEveryTextIsKept(t *testing.T) {
	var l detailLog
	for i := range fact.DetailTexts {
		var d fact.Details
		*d.Texts()[i] = "x"
		if got := l.get(l.put(&d)); got != d {
			t.Errorf("text %d: %+v, want %+v", i, got, d)
		}
	}
}
