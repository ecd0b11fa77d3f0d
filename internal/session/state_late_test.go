package session

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestLateCountsForAll: a session that showed somebody in what came late costs what others
// cost once nothing that came before it can be judged any more.
func TestLateCountsForAll(t *testing.T) {
	h := parsedTrial(`policy p0 idle=3600s
config window=10s
a started at=0s
a activity at=30s
now=31s a activity at=15s user=u1 linked=c
now=31s a request at=31s user=u1`)
	e := New(h.config())
	facts, _ := h.Arrivals()
	for _, x := range facts {
		e.Observe([]fact.Fact{x.Fact}, x.At, nil)
	}
	a, now := sessiontest.SessionName(0).ID, sessiontest.Epoch+int64(40e9)
	require.True(t, e.get(a).showedLate())
	for range 5000 { // others displace what came before
		f := facts[0].Fact
		f.Kind, f.Session, f.At, f.Start, f.End = fact.Activity, sessiontest.SessionName(1), now, now, now
		e.Observe([]fact.Fact{f}, now, nil)
		e.Advance(now)
		now += int64(second)
	}
	require.True(t, e.get(a).showedLate(), "nobody asked")
	e.Advance(now)
	require.False(t, e.get(a).showedLate())
	require.Len(t, e.get(a).links, 1)
	require.Len(t, e.get(a).identities, 2)
}

// TestLateIdentitiesAreBounded: where whom a session showed came late too often, what is
// not known any more is counted and accuses nobody for sure.
func TestLateIdentitiesAreBounded(t *testing.T) {
	var text strings.Builder
	text.WriteString("policy p0 end=0s\nconfig window=10s\na started at=0s\na activity at=100s\n")
	for i := range 2 * maxLateIdentities {
		fmt.Fprintf(&text, "now=%ds a activity at=%ds user=u%d\n", 101+i, 10+3*i, 1+i%2)
	}
	for user := 1; user <= 2; user++ {
		h := parsedTrial(text.String() + fmt.Sprintf("now=200s - ended_user at=55s user=u%d\na request at=200s\n", user))
		o := run(h, false)
		require.Empty(t, o.trouble)
		require.Positive(t, o.engine.stats.lost)
		require.LessOrEqual(t, len(o.engine.get(sessiontest.SessionName(0).ID).identities), maxLateIdentities*maxLateIdentities)
		require.Len(t, o.final, 1)
		for _, f := range o.final {
			require.Equal(t, fact.Inconclusive, f.State, "%s", h.FindingText(&f))
			require.Equal(t, ReasonBounds, f.Reason)
		}
	}
}

// TestLateUsersAreShared: however often whom a session showed came late, one that many share
// is known as such.
func TestLateUsersAreShared(t *testing.T) {
	var text strings.Builder
	text.WriteString("policy p0 idle=300s\nconfig window=10s\na started at=0s\na activity at=100s\n")
	for i := range 2 * maxLateIdentities {
		fmt.Fprintf(&text, "now=%ds a activity at=%ds user=u%d\n", 101+i, 10+3*i, 1+i%2)
	}
	for i := range 6 {
		fmt.Fprintf(&text, "now=%ds a activity at=%ds user=u%d\n", 130+i, 60+i, 3+i)
	}
	require.Empty(t, check(parsedTrial(text.String()+"a request at=600s"), false))
}

// heirs is a session b that continues a, which showed late whose user has ended.
const heirs = `policy p0 end=0s rotation=3s idle=10s
config window=10s wait=60s
a started at=0s
a activity at=20s
b rotated from=a at=21s
- ended_user at=31s user=u1
b request at=35s
now=50s a activity at=5s user=u1
advance`

// TestLateDoesNotCountForOthers: what came late counts for none that came before, though
// only a suspect of another session is left of those.
func TestLateDoesNotCountForOthers(t *testing.T) {
	a := sessiontest.SessionName(0).ID
	s := newStage(t, heirs, func(c *Config) { c.IdleDecisionWait = 4 * time.Hour })
	s.tell(heirs)
	for range 1000 { // others displace what came before
		s.served(3, time.Duration(s.now-sessiontest.Epoch)+time.Second, 0)
	}
	require.EqualValues(t, 1, s.get(sessiontest.SessionName(1).ID).suspects)
	require.True(t, s.get(a).showedLate())
	s.wait(0)
	require.True(t, s.get(a).showedLate())
	s.tell("b activity at=30s") // there was no silence
	require.Empty(t, s.wait(10*time.Hour))
}

// TestLateOutlivesItsSession: what an id inherits from one that was thrown away accuses
// nobody for sure who came before some of it did.
func TestLateOutlivesItsSession(t *testing.T) {
	s := newStage(t, heirs, func(c *Config) { c.IdleDecisionWait = 4 * time.Hour })
	s.tell(heirs)
	s.work.allow(workOfHold)
	s.evict(s.get(sessiontest.SessionName(0).ID), s.now, EvictedLimit)
	s.tell("b activity at=30s\nb activity at=40s\nb request at=51s\nadvance")
	for _, f := range s.wait(10 * time.Hour) {
		require.Equal(t, "b revoked", sessiontest.RawOf(f.Session)+" "+f.Type.String())
		require.Equal(t, sessiontest.Epoch+int64(51*time.Second), f.At, "that of 35s is not sure")
		require.Equal(t, fact.Confirmed, f.State)
		require.Equal(t, 1, f.Requests)
		return
	}
	t.Error("nothing was found")
}
