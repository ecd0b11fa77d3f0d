package session

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// All resources are looked through for some that nothing refers to when one comes for which
// there is no room; where there was none, only after so many other facts.
func TestResourcesAreCollectedSeldom(t *testing.T) {
	s := newServices(1)
	looks, oldest := 0, uint64(1)
	lookUp := func(instance string, seq uint64) uint32 {
		return s.number(&fact.Resource{ServiceName: "shop", ServiceInstance: instance}, seq, func() uint64 { looks++; return oldest })
	}
	for i := range maxResources {
		require.NotZero(t, lookUp(strconv.Itoa(i), 5))
	}
	require.Zero(t, looks)
	const seq = uint64(1000)
	next := seq + uint64(len(s.resources)/8)
	for _, c := range []struct {
		seq   uint64
		looks int
	}{{seq, 1}, {seq + 1, 1}, {next - 1, 1}, {next, 2}} {
		require.Zero(t, lookUp("another", c.seq), "%+v", c)
		require.Equal(t, c.looks, looks, "%+v", c)
	}
	s.resources[7].used.Store(0)
	next += uint64(len(s.resources) / 8)
	require.NotZero(t, lookUp("another", next))
	require.Equal(t, 3, looks)
	require.Zero(t, lookUp("one more", next+1), "there is none to be let go of")
	require.Equal(t, 4, looks, "the last time there was")
}

// As many services are shown by their names as may be.
func TestShownByName(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxServices = 3 })
	for i := range 4 {
		s.services.name(strconv.Itoa(i + 1))
	}
	most := ShownServices(s.stats.maxServices, 1)
	require.Equal(t, strconv.Itoa(most), s.stats.shown(uint32(most), 1))
	require.Equal(t, OtherService, s.stats.shown(uint32(most+1), 1))
}

// What was refused of a service is told where there was any, and of all others for every
// reason.
func TestRefusedOf(t *testing.T) {
	s := newStage(t, "policy p0\nconfig ahead=1s\n")
	f := factsOf("a request at=10s")[0]
	require.False(t, s.admit(&f, s.now))
	type key struct {
		service string
		why     RefusedReason
	}
	got, want := map[key]int64{}, map[key]int64{{"web", RefusedAhead}: 1}
	for why := range RefusedReasonCount {
		want[key{OtherService, why}] = 0
	}
	s.counters().RefusedOf(1, func(service string, why RefusedReason, n int64) { got[key{service, why}] = n })
	require.Equal(t, want, got)
}

// What is suspected of a request that was logged is found by its span.
func TestSpanOfOldLog(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 4 })
	s.tell("a started at=0s\na request at=20s id=1/1 log")
	for i := range 8 {
		s.served(1, 20*time.Second+time.Duration(i), 0)
	}
	require.Equal(t, 1, s.pending())
	s.tell("a request at=20s id=1/1 rejected\nadvance")
	require.Zero(t, s.pending())
}

// Who waits longer waits behind the others, also the first.
func TestReschedule(t *testing.T) {
	a, b := &suspect{due: 1}, &suspect{due: 2}
	var p pending
	for _, s := range []*suspect{a, b} {
		p.add(s)
	}
	require.Same(t, a, p.first())
	p.reschedule(a, 3)
	require.Same(t, b, p.first())
	p.reschedule(a, 1)
	require.Same(t, a, p.first())
}

// A table grows by half, and by none that it will never use.
func TestTableGrowsByHalf(t *testing.T) {
	for limit, want := range map[int][]int{10 * pageSize: {1, 2, 3, 4, 6, 9, 10}, 7 * pageSize: {1, 2, 3, 4, 6, 7}, 7*pageSize + 1: {1, 2, 3, 4, 6, 8}} {
		x := newTestTable(limit)
		var pages []int
		for len(pages) < len(want) {
			x.grow()
			pages = append(pages, len(x.pages))
		}
		require.Equal(t, want, pages, "%d", limit)
	}
	x := newTestTable(2 * pageSize)
	for i := range pageSize {
		x.place(fact.ID{uint64(i) << 40, 1})
	}
	require.Nil(t, x.at(x.slots, fact.ID{1, 1}), "nothing was ever there")
}

// What a session needed beside its entry is free when it is removed.
func TestRemovedIsFree(t *testing.T) {
	s := newStage(t, standard)
	s.tell("a authenticated at=1s\na request at=2s\nadvance")
	s.compactAll()
	x := s.sessionsIn(0)
	require.Positive(t, x.slab.Bytes())
	x.remove(x.find(sessiontest.SessionName(0).ID))
	require.Zero(t, x.slab.Bytes())
	s.tell("b request at=2s")
	s.compactAll()
	require.Zero(t, x.slab.Bytes())
	x.remove(x.find(sessiontest.SessionName(1).ID))
}

// The ring has memory for so many records and no more, and those can be found by what they
// have in common.
func TestRecentHasRoom(t *testing.T) {
	require.Len(t, newRecent(chunkSize).chunks, 1)
	require.Len(t, newRecent(chunkSize+1).chunks, 2)
	r := newRecent(chunkSize + 3)
	for range chunkSize + 1 {
		r.place(r.next)
		r.step()
	}
	require.Len(t, r.chunks[1], 3)
	for _, next := range []uint64{1, 2, 4, 5, 6, 100} {
		r := newRecent(4)
		for r.next < next {
			r.place(r.next)
			r.step()
		}
		require.EqualValues(t, min(next-1, 4), r.window().Reach)
	}
}

// What is known of an end is no news, nor that it counts for fewer.
func TestEndingIsNoNews(t *testing.T) {
	list := []ending{{at: 5, effectiveSeq: 7}}
	for seq, want := range map[uint64]bool{6: true, 7: false, 8: false} {
		got, changed, lost := addEnding([]ending{list[0]}, ending{at: 5, effectiveSeq: seq})
		require.Equal(t, want, changed, "%d", seq)
		require.Zero(t, lost)
		require.Equal(t, min(seq, 7), got[0].effectiveSeq)
	}
}

// That a service called while it is known to have done so is no news.
func TestKnownCallsAreNoNews(t *testing.T) {
	known := []span{{10, 20}, {100, 110}}
	for _, x := range known {
		for _, y := range []span{x, {x.from, x.to - 1}, {x.from + 1, x.to}, {x.from, x.from}, {x.to, x.to}} {
			c := calling{since: longAgo, intervals: []span{known[0], known[1]}}
			news, lost := c.add(y)
			require.Zero(t, news, "%v", y)
			require.Zero(t, lost)
			require.Equal(t, known, c.intervals)
		}
	}
}
