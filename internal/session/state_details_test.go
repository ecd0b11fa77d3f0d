package session

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestDetailsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l detailLog
		text := rapid.StringN(-1, -1, fact.MaxText)
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) fact.Details {
			return fact.Details{
				Method: text.Draw(t, "method"), Route: text.Draw(t, "route"), Path: text.Draw(t, "path"),
				Status: rapid.Int32().Draw(t, "status"), RPCMethod: text.Draw(t, "rpc"), Destination: text.Draw(t, "destination"),
			}
		}), 1, 40).Draw(t, "details")
		var where []uint64
		for i := range all {
			where = append(where, l.put(&all[i]))
		}
		for i := range all {
			if got := l.get(where[i]); got != all[i] {
				t.Fatalf("got %+v, want %+v", got, all[i])
			}
		}
	})
}

func TestDetailsAreBounded(t *testing.T) {
	var l detailLog
	d := fact.Details{Path: strings.Repeat("x", 100*fact.MaxText)}
	first := l.put(&d)
	require.Len(t, l.get(first).Path, fact.MaxText)
	where, held := first, 0
	for range 10_000 {
		next := l.put(&d)
		l.release(where)
		where, held = next, max(held, len(l.blocks))
	}
	require.LessOrEqual(t, held, 2, "what nobody refers to is let go")
	require.Equal(t, fact.Details{}, l.get(first))
	require.Equal(t, fact.Details{}, l.get(0))
	require.Equal(t, fact.Details{}, l.get(where+1<<32), "it is not there yet")
}

// detailRing is a ring of details beside what they should be.
type detailRing struct {
	log   detailLog
	where []uint64
	want  []fact.Details
	next  int
}

func newDetailRing(limit int) *detailRing {
	return &detailRing{where: make([]uint64, limit), want: make([]fact.Details, limit)}
}

func (r *detailRing) push(d *fact.Details) {
	i := r.next % len(r.where)
	r.log.release(r.where[i])
	r.where[i], r.want[i] = r.log.put(d), keptDetails(d)
	r.next++
}

func (r *detailRing) replace(i int, d *fact.Details) {
	r.where[i], r.want[i] = r.log.replace(r.where[i], d), keptDetails(d)
}

// held is how many bytes the log holds.
func (r *detailRing) held() (n int) {
	for i := range r.log.blocks {
		n += cap(r.log.blocks[i].bytes)
	}
	return n
}

// TestDetailsOutliveOthers: whatever is put, put in the place of others and let
// go, what a record refers to is what was put for it last.
func TestDetailsOutliveOthers(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	text := func() string {
		n := d.IntN(40)
		if d.IntN(50) == 0 {
			n = d.IntN(2 * fact.MaxText)
		}
		return strings.Repeat(string(rune('a'+d.IntN(26))), n)
	}
	for _, limit := range []int{1, 2, 7, 60} {
		r := newDetailRing(limit)
		turned := 0
		for range 4000 {
			x := fact.Details{Method: text(), Route: text(), Path: text(), Status: d.Int32(), RPCMethod: text(), Destination: text()}
			if r.next > 0 && d.IntN(3) > 0 {
				r.replace(d.IntN(min(r.next, limit)), &x)
			} else {
				r.push(&x)
			}
			refs := 0
			for i := range r.log.blocks {
				refs += int(r.log.blocks[i].refs)
			}
			require.Equal(t, min(r.next, limit), refs)
			for i := range min(r.next, limit) {
				if got := r.log.get(r.where[i]); got != r.want[i] {
					t.Fatalf("got %+v, want %+v", got, r.want[i])
				}
			}
			turned = int(r.log.before)
		}
		require.Greater(t, turned, 200, "blocks that went")
	}
}

// TestReplacedDetailsAreBounded: what is put in the place of others, again and
// again while the ring stands still and a little longer each time, does not make
// the log grow without end.
func TestReplacedDetailsAreBounded(t *testing.T) {
	noGoroutine(t)
	const limit = 8
	r := newDetailRing(limit)
	most := 0
	for range 10 * limit {
		r.push(&fact.Details{})
		for n := range fact.MaxText {
			text := strings.Repeat("x", n+1)
			for i := range limit {
				if i < r.next {
					r.replace(i, &fact.Details{Method: text, Route: text, Path: text, RPCMethod: text, Destination: text})
				}
			}
		}
		most = max(most, r.held())
	}
	// One has twice the room that it can need, for a turn and for what stays of
	// the turn before it; and a block is as large as the one before it, or what
	// one needs.
	bound := 2*limit*2*detailTexts*fact.MaxText + 2*max(maxDetailBlock, 2*detailTexts*fact.MaxText)
	require.LessOrEqual(t, most, bound)
	t.Logf("%d bytes for %d, of at most %d", most, limit, bound)
}

// detailFact is the request n of a session, served by web.
func detailFact(session int, at time.Duration, id byte, path string) fact.Fact {
	i := epoch + int64(at)
	f := fact.Fact{
		Session: sessionName(session), Start: i, End: i + 1000, At: i, Resource: resources["web"],
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
	e, now := New(cfg), epoch
	observe := func(f fact.Fact) { now = max(now, f.End); e.Observe(&f, now) }
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
	before := e.Stats().Facts(fact.Request)
	observe(detailFact(1, at(3000), 0, path(3000)))
	if got := e.Stats().Facts(fact.Request); got != before {
		t.Errorf("a record delivered twice counts twice: %d, want %d", got, before)
	}
	end := detailFact(1, 500*time.Millisecond, 0, "")
	end.Kind, end.End, end.Details = fact.Ended, end.Start, fact.Details{}
	e.Observe(&end, now)
	e.Advance(now + int64(2*time.Minute))
	found := e.TakeFindings()
	if len(found) == 0 {
		t.Error("nothing is found")
	}
	for _, f := range found {
		if f.Details.Path == "" {
			t.Errorf("a finding without method, path and status: %+v", f.Details)
		}
	}
}
