package session

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

func withTimelines(c *Config) { c.Timelines = 2 }

// drawn is what a timeline shows, a line each.
func drawn(x *fact.Timeline) string {
	at := func(ns int64) string { return time.Duration(ns - sessiontest.Epoch).String() }
	var b strings.Builder
	for _, s := range x.Spells {
		fmt.Fprintf(&b, "spell %s..%s\n", at(s.From), at(s.To))
	}
	for _, e := range x.Events {
		fmt.Fprintf(&b, "%s %s by=%s away=%v other=%v\n", e.Kind, at(e.At), e.By, e.Away, e.Other != 0)
	}
	for _, r := range x.Requests {
		fmt.Fprintf(&b, "request %s..%s %s %s outcome=%d late=%v exempt=%v inactive=%v\n",
			at(r.Start), at(r.End), x.Texts[r.Service], x.Texts[r.Route], r.Outcome, r.Late, r.Exempt, r.Inactive)
	}
	for _, s := range x.Blind {
		fmt.Fprintf(&b, "blind %s..%s %s\n", at(s.From), at(s.To), s.Reason)
	}
	return b.String()
}

// A finding brings what its session did, in order: what was in time, late and refused.
func TestTimeline(t *testing.T) {
	s := newStage(t, standard, withTimelines)
	s.tell("blind 1s..2s crash\na authenticated at=0s user=u1\na request at=3s\na request at=20s rejected\na request at=21s\na request at=22s passive\na ended at=30s")
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, `spell 0s..3s
spell 21s..21s
authenticated 0s by= away=false other=false
ended 30s by=web away=false other=false
request 3s..3s web  outcome=0 late=false exempt=false inactive=false
request 20s..20s web  outcome=2 late=false exempt=false inactive=false
request 21s..21s web  outcome=0 late=true exempt=false inactive=false
request 22s..22s web  outcome=0 late=false exempt=false inactive=true
blind 1s..2s crash
`, drawn(found[0].Timeline))
	require.Equal(t, int64(math.MinInt64), found[0].Timeline.HeldFrom)
}

// A rotation is drawn at both of its ends.
func TestTimelineOfRotation(t *testing.T) {
	s := newStage(t, standard, withTimelines)
	s.tell("a started at=0s\nb rotated from=a at=5s\na request at=20s\nb request at=70s")
	found := s.wait(time.Minute)
	require.Len(t, found, 2)
	for _, f := range found {
		text := drawn(f.Timeline)
		if f.Type == fact.RotatedSession {
			require.Contains(t, text, "started 0s by= away=false other=false\nrotated 5s by=web away=true other=false\n")
		} else {
			require.Contains(t, text, "rotated 5s by= away=false other=true\n")
			require.NotContains(t, text, "started")
		}
	}
}

// What gave up its place is not held, and a finding's own requests always are.
func TestTimelineIsBounded(t *testing.T) {
	s := newStage(t, "policy p0 absolute=10s tolerance=1s", withTimelines, func(c *Config) { c.MaxRecentRequests = 10 })
	s.tell("a started at=0s\na request at=12s")
	for i := range 20 {
		s.tell(fmt.Sprintf("b request at=%ds\na request at=%ds rejected", 13+i, 13+i))
	}
	found := s.wait(time.Minute)
	require.NotEmpty(t, found)
	for _, f := range found {
		if f.StartKnown {
			x := f.Timeline
			require.Equal(t, f.At, x.Requests[0].Start, "it stands on this one")
			require.True(t, x.Requests[0].Late)
			require.Len(t, x.Requests, 6)
			require.Equal(t, sessiontest.Epoch+int64(27*time.Second), x.HeldFrom)
		}
	}
	many := newStage(t, "policy p0 absolute=10s tolerance=1s", withTimelines)
	many.tell("a started at=0s")
	for i := range fact.MaxTimeline + 100 {
		many.tell(fmt.Sprintf("a request at=%dms", 12000+i))
	}
	found = many.wait(time.Minute)
	x := found[len(found)-1].Timeline
	require.LessOrEqual(t, len(x.Requests), fact.MaxTimeline)
	require.Greater(t, x.HeldFrom, sessiontest.Epoch+int64(12*time.Second))
	require.Equal(t, found[len(found)-1].At, x.Requests[0].Start)
}

// All is held until there are more requests than a timeline has, and since when says the
// oldest that it has.
func TestTimelineIsFull(t *testing.T) {
	for more, from := range []int64{math.MinInt64, sessiontest.Epoch + int64(time.Millisecond)} {
		s := newStage(t, "policy p0 idle=10s", withTimelines, func(c *Config) { c.MaxRecentRequests = 4 * fact.MaxTimeline })
		for i := range fact.MaxTimeline - 2 + more { // and the late one; one is left to those that are found
			s.tell(fmt.Sprintf("a request at=%dms", i))
		}
		s.tell("a request at=20s")
		x := s.wait(time.Minute)[0].Timeline
		require.Len(t, x.Requests, fact.MaxTimeline-1)
		require.Equal(t, from, x.HeldFrom)
	}
}

// What gave up its place is missing only where it ended behind the session's beginning.
func TestTimelineBeginsBehind(t *testing.T) {
	for ns, held := range []bool{true, false} {
		s := newStage(t, "policy p0 idle=10s", withTimelines, func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell(fmt.Sprintf("b request at=1s..1.00000000%ds\na request at=1s", ns))
		for i := range 6 {
			s.tell(fmt.Sprintf("a request at=%ds", 2+i))
		}
		s.tell("a request at=20s")
		x := s.wait(time.Minute)[0].Timeline
		require.Len(t, x.Requests, 8)
		require.Equal(t, held, x.HeldFrom == math.MinInt64)
	}
}

// Of findings that are decided together so many have one as somebody shows, and none
// where nobody does.
func TestTimelinesAreFew(t *testing.T) {
	rounds := []string{
		"a started at=0s\nb started at=0s\nc started at=0s\na request at=20s\nb request at=20s\nc request at=20s",
		"d started at=90s\ne started at=90s\nf started at=90s\nd request at=120s\ne request at=120s\nf request at=120s",
	}
	for limit, want := range []int{0, 1, 2, 3, 3} {
		s := newStage(t, standard, func(c *Config) { c.Timelines = limit })
		for _, round := range rounds { // those before were taken, so that there is room again
			s.tell(round)
			found, n := s.wait(time.Minute), 0
			for _, f := range found {
				if f.Timeline != nil {
					n++
				}
			}
			require.Len(t, found, 3)
			require.Equal(t, want, n)
		}
	}
}

// A finding that is retracted brings what cleared it.
func TestTimelineOfRetraction(t *testing.T) {
	s := newStage(t, standard, withTimelines)
	s.tell("a started at=0s\na request at=3s\na request at=20s")
	require.Len(t, s.wait(time.Minute), 1)
	s.tell("a authenticated at=19s user=u1")
	found := s.wait(time.Second)
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
	require.Contains(t, drawn(found[0].Timeline), "authenticated 19s")
	require.NotContains(t, drawn(found[0].Timeline), "late=true")
}

// A request that a finding stands on is shown though nothing but events came since, more than
// are looked at.
func TestTimelineOfManyEvents(t *testing.T) {
	s := newStage(t, standard, withTimelines, func(c *Config) { c.MaxRecentRequests = 1000 })
	s.tell("a ended at=0s\na request at=20s\n" + repeated(fact.MaxTimeline, "a activity at=2#ms"))
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Len(t, found[0].Timeline.Requests, 1)
	require.Equal(t, int64(math.MinInt64), found[0].Timeline.HeldFrom)
}
