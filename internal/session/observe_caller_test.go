package session

import (
	"encoding/binary"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// One made-up parent of ever so many requests costs no more for each of them, and what
// cannot be remembered is inconclusive.
func TestManyWaitForOneParent(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 10_000 })
	s.tell("a started at=0s")
	s.tell("a ended at=5s")
	web := sessiontest.Resources["web"]
	at := sessiontest.Epoch + int64(20*time.Second)
	s.ObserveCallers([]fact.Caller{{Trace: [16]byte{9}, Span: [8]byte{9}, Calls: true, Start: at, End: at, Resource: web}}, at)
	request := func(n int, parent byte, from, to int64) {
		s.observe(&fact.Fact{
			Session: sessiontest.SessionName(0), Start: from, End: to, At: from, Resource: web,
			Trace: [16]byte{1}, Span: [8]byte{1, byte(n), byte(n >> 8)}, Parent: [8]byte{parent},
		}, to)
	}
	request(0, 0, sessiontest.Epoch, at+int64(time.Minute)) // began in time
	for n := range 30 {
		request(n+1, 7, at, at+int64(n))
	}
	require.Len(t, s.callers.awaited.of, 1)
	for _, list := range s.callers.awaited.of {
		require.Len(t, list, maxOfParent)
	}
	require.Positive(t, s.counters().Truncated())
	states := map[fact.State]int{}
	for _, f := range s.wait(time.Hour) {
		states[f.State] = f.Requests
	}
	require.Equal(t, map[fact.State]int{fact.Confirmed: maxOfParent}, states, "what is not known counts in none")
}

// BenchmarkObserveCallers: what a caller's span costs.
func BenchmarkObserveCallers(b *testing.B) {
	e := New(historyConfig())
	web := sessiontest.Resources["web"]
	callers := slices.Repeat([]fact.Caller{{Trace: [16]byte{1}, Calls: true, Resource: web}}, 512)
	now, n := sessiontest.Epoch, uint64(0)
	b.ReportAllocs()
	for b.Loop() {
		for i := range callers {
			n++
			binary.LittleEndian.PutUint64(callers[i].Span[:], n)
			callers[i].Start, callers[i].End = now, now
		}
		now += int64(time.Millisecond)
		e.ObserveCallers(callers, now)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/span")
}

// What is known of when a service calls grows at both ends, in one call as in several.
func TestCallingGrows(t *testing.T) {
	s := newStage(t, standard)
	window, web := int64(s.cfg.ReorderWindow), sessiontest.Resources["web"]
	var callers []fact.Caller
	for i, at := range []int64{0, 0, 1, 5, -3, 2, -3, 6} {
		at = s.now + at*int64(time.Second)
		callers = append(callers, fact.Caller{Trace: [16]byte{1}, Span: [8]byte{byte(i + 1)}, Calls: true, Start: at - 1, End: at, Resource: web})
	}
	s.ObserveCallers(callers[:3], s.now)
	s.ObserveCallers(callers[3:], s.now)
	second := int64(time.Second)
	require.Equal(t, []span{{s.now - 3*second - 1 - window, s.now + 6*second + window}}, s.callers.services[nameOf(web)].intervals)
}

// One id ten thousand times takes one place: what else was seen stays so.
func TestOneCallerAgainAndAgain(t *testing.T) {
	s := newStage(t, standard)
	other := fact.Caller{Trace: [16]byte{2}, Span: [8]byte{2}, Start: s.now, End: s.now, Resource: sessiontest.Resources["web"]}
	same := fact.Caller{Trace: [16]byte{1}, Span: [8]byte{1}, Calls: true, Start: s.now, End: s.now, Resource: sessiontest.Resources["web"]}
	s.ObserveCallers([]fact.Caller{other}, s.now)
	for i := range 10_000 {
		same.Start, same.End = s.now, s.now+int64(i)*int64(time.Second)
		s.ObserveCallers([]fact.Caller{same}, same.End)
	}
	places := 0
	for _, x := range s.callers.seen {
		if x != 0 {
			places++
		}
	}
	require.Equal(t, 2, places)
	require.True(t, s.callers.has(spanHash(other.Trace, other.Span)))
	require.Len(t, s.callers.services[nameOf(same.Resource)].intervals, 1)
}

// What came so far ahead or behind as no fact may says not when its service calls.
func TestCallersInTime(t *testing.T) {
	for name, c := range map[string]struct {
		start, end time.Duration // behind now
		ahead, age time.Duration
		calls      bool
	}{
		"now":               {0, 0, 0, 0, true},
		"ahead":             {0, time.Minute, time.Minute, 0, true},
		"too far ahead":     {0, time.Minute + 1, time.Minute, 0, false},
		"old":               {-time.Hour, 0, 0, time.Hour, true},
		"too old":           {-time.Hour - 1, 0, 0, time.Hour, false},
		"whatever age":      {-time.Hour - 1, 0, 0, 0, true},
		"long ended":        {-time.Minute, -time.Minute, 0, time.Hour, true},
		"old and far ahead": {-time.Hour, time.Minute, time.Minute, time.Hour, true},
	} {
		s := newStage(t, standard, func(cfg *Config) { cfg.MaxAhead, cfg.MaxAge = c.ahead, c.age })
		at := s.now
		s.ObserveCallers([]fact.Caller{{Calls: true, Start: at + int64(c.start), End: at + int64(c.end), Resource: sessiontest.Resources["web"]}}, at)
		require.Equal(t, c.calls, s.callers.any(), name)
	}
}

// So many services are known to call; what others do is given up, and counted.
func TestCallingServicesAreBounded(t *testing.T) {
	s := newStage(t, standard)
	call := func(n int) {
		c := fact.Caller{Calls: true, Start: s.now, End: s.now, Resource: &fact.Resource{ServiceName: strconv.Itoa(n)}}
		s.ObserveCallers([]fact.Caller{c, c}, s.now)
	}
	for n := range maxCallingServices {
		call(n)
	}
	require.Len(t, s.callers.services, maxCallingServices)
	call(0)
	require.Zero(t, s.counters().Truncated())
	call(maxCallingServices)
	require.Len(t, s.callers.services, maxCallingServices)
	require.EqualValues(t, 2, s.counters().Truncated())
}

// Each of several services in one call is known by its own spans.
func TestCallersOfSeveralServices(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxAhead = 100 * time.Hour })
	var callers []fact.Caller
	for n, name := range []string{"web", "web2", "api", "web"} {
		at := s.now + int64(n)*int64(20*time.Hour)
		callers = append(callers, fact.Caller{Calls: true, Start: at, End: at, Resource: sessiontest.Resources[name]})
	}
	s.ObserveCallers(callers, s.now)
	require.Len(t, s.callers.callingOf(sessiontest.Resources["web"]).intervals, 3)
	require.Len(t, s.callers.callingOf(sessiontest.Resources["api"]).intervals, 1)
}

// A service that turns out to call lets be looked through what ended since then, and a parent
// that is seen those that wait for it.
func TestCallersAreHeldAgainstWhatCame(t *testing.T) {
	for before, due := range map[int64]bool{0: true, 1: false} {
		s := newStage(t, "config window=10s\npolicy p0\n")
		s.tell("a request at=20s")
		at := s.now + int64(10*time.Second) + before
		s.ObserveCallers([]fact.Caller{{Trace: [16]byte{9}, Span: [8]byte{9}, Calls: true, Start: at, End: at, Resource: sessiontest.Resources["web"]}}, at)
		require.Equal(t, due, s.callers.walk.due, "%d", before)
	}

	s := newStage(t, "policy p0\n")
	c := fact.Caller{Trace: [16]byte{9}, Span: [8]byte{9}, Start: s.now, End: s.now, Resource: sessiontest.Resources["web"]}
	hash := spanHash(c.Trace, c.Span)
	s.callers.awaited.add(hash, recordPlace{session: sessiontest.SessionName(0).ID, position: 1})
	s.ObserveCallers([]fact.Caller{c}, s.now)
	require.NotContains(t, s.callers.awaited.of, hash)
}
