package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

var rebuilt = []reading{
	{"who logged in late is still known", `
		config window=10s
		a started at=0s
		a request at=30s p- id=1/1
		now=31s a authenticated at=15s user=u1
		now=31s a request at=30s p- id=1/1 log rejected
		a activity at=24s
		- ended_user at=32s user=u1
		a activity at=33s
		a request at=40s`, []string{"a revoked n=1 at=40s"}},
	{"who started late is for what follows", `
		config window=10s
		a started at=0s
		a request at=30s p- id=1/1
		now=31s a started at=15s user=u1
		now=31s a request at=30s p- id=1/1 log rejected
		a activity at=24s
		a activity at=33s
		- ended_user at=34s user=u1
		a request at=40s`, []string{"a revoked n=1 at=40s"}},
}

func TestRebuilt(t *testing.T) { requireReadings(t, rebuilt) }

// What the recent facts no longer reach stays as it was when others turn out to
// have said nothing.
func TestRebuildOfAPart(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		suspected           bool
	}{
		{"older activity stays", "a request at=5s", "a request at=14s id=1/1\na request at=14s id=1/1 log rejected\na request at=15.5s", false},
		{"so does what came before, and is later", "a request at=15s p1", "a request at=1s user=u1\na request at=2s user=u2\na request at=24s", false},
		{"what was refused does not", "", "a request at=20s p1 indeterminate id=1/1\na request at=20s p1 log id=1/1 rejected\na request at=25s", true},
	} {
		s := newStage(t, standard+"policy p1 idle=30s", func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell("a started at=0s\n" + c.before)
		for i := range 8 {
			s.served(1, time.Duration(s.now-sessiontest.Epoch)+time.Duration(i), 0)
		}
		s.tell(c.after)
		s.wait(0)
		require.Equal(t, c.suspected, s.pending() == 1, c.name)
	}
}

// What ended with what the recent facts no longer reach stays, too: where one of eight that
// are reached turns out to be another, the reference, which knows all, says the same.
func TestRebuildAtTheEdge(t *testing.T) {
	pushed := repeated(7, "z request at=11.#s")
	const refused = "a request at=12s id=1/1 log\na request at=12s id=1/1 rejected\nnow=13s advance\n"
	for name, text := range map[string]string{
		"activity": "policy p0 idle=10s tolerance=1s\npolicy p1 idle=1s\na started at=0s\na request at=10s\n" +
			pushed + refused + "a request at=20.5s",
		"what was sampled since a login": "policy p0 idle=10s\npolicy p1 idle=1s\na started at=0s\na authenticated at=10s\na request at=10s sampled\n" +
			pushed + refused + "a request at=30s",
		"who was shown since a login": "config users=1\npolicy p0 idle=10s\na request at=0s user=u1\na authenticated at=10s\na request at=10s user=u1\n" +
			pushed + "a request at=15s user=u2\nnow=16s advance\na request at=40s",
		"nobody was since another": "config users=1\npolicy p0 idle=10s\na request at=0s user=u1\na request at=10s user=u1\n" +
			pushed + "a authenticated at=14s\na request at=15s user=u2\nnow=16s advance\na request at=40s",
	} {
		h := parsedTrial("config window=1h\n" + text)
		h.room.requests = 8
		require.Empty(t, check(h, false), name)
	}
}

// So many facts are read again, and where there was one more that is counted.
func TestRebuildIsBounded(t *testing.T) {
	for _, c := range []struct {
		name, first, each string
		most              int
	}{
		{"all", "", "a request at=1s id=1/1", maxRebuild},
		{"up to a start", "a request at=0s..5s user=u1 id=1/1\na started at=5s said id=1/1\n", "a request at=1s..4s id=1/1 rejected", maxBeside - 2},
	} {
		for more := range 2 {
			s := newStage(t, "config window=1h\n"+standard, func(c *Config) { c.MaxRecentRequests = 1 << 14 })
			s.tell(c.first)
			for i := range c.most + more {
				s.tell(strings.ReplaceAll(c.each, "1/1", fmt.Sprintf("%d/%d", 2+i/250, 1+i%250)))
			}
			before := s.stats.lost
			s.rebuild(s.get(sessiontest.SessionName(0).ID))
			require.EqualValues(t, more, s.stats.lost-before, c.name)
		}
	}
}

// What was active before a session was thrown away stays so when it is read again.
func TestRebuildOfWhatCameBack(t *testing.T) {
	s := newStage(t, "policy p0 idle=1s")
	s.tell("a request at=20s")
	tl, at := s.get(idOf(0)), func(d time.Duration) interval {
		return interval{start: sessiontest.Epoch + int64(d), end: sessiontest.Epoch + int64(d)}
	}
	tl.back, tl.unknownBefore, tl.facts = comeback{back: true}, sessiontest.Epoch+int64(10*time.Second), 2
	tl.intervals = []interval{at(5 * time.Second), at(10 * time.Second), at(15 * time.Second), tl.intervals[0]}
	s.rebuild(tl)
	require.Len(t, tl.intervals, 3, "15 s is what a fact that is known said, and no longer does")
	require.Equal(t, at(10*time.Second), tl.intervals[1])
}

// Whether a session continues what it was rotated from is asked again where it turns out that
// whom it showed first is another, or was at another time, and only there.
func TestRebuildTellsParents(t *testing.T) {
	for name, c := range map[string]struct {
		rejected []uint64
		due      dirtyFlags
	}{"as it was": {nil, 0}, "later": {[]uint64{1}, dirtyVerdicts}, "nobody": {[]uint64{1, 2}, dirtyVerdicts}, "the second": {[]uint64{2}, 0}} {
		s := newStage(t, standard)
		s.tell("a started at=0s\na ended at=4s\nb rotated from=a at=4.5s\nb request at=5s user=u1\nb request at=6s user=u1")
		s.wait(0)
		a, b := s.get(idOf(0)), s.get(idOf(1))
		ring, n := &s.shards[0].recent, uint64(0)
		for p := ring.oldest(); p < ring.next; p++ {
			if r := ring.at(p); r.kind == fact.Request {
				if n++; slices.Contains(c.rejected, n) {
					r.outcome = fact.Rejected
				}
			}
		}
		require.Zero(t, a.dirty)
		s.rebuild(b)
		require.Equal(t, c.due, a.dirty, name)
	}
}

// So many requests of a session are judged once more, and where there was one more that is
// counted.
func TestReviewIsBounded(t *testing.T) {
	defer func(was int) { minReach = was }(minReach)
	minReach = 4
	for more := range 2 {
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 64 })
		s.tell(repeated(minReach+more, "a request at=1.#s"))
		s.markDirty(s.get(idOf(0)), dirtyVerdicts, cause{at: s.now})
		s.advance(s.now)
		require.EqualValues(t, more, s.stats.lost)
	}
}
