package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestLateIsSettled: a session that showed somebody in what came late costs what others
// cost once nothing that came before it can be judged any more.
func TestLateIsSettled(t *testing.T) {
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
		for _, f := range o.final {
			require.Equal(t, fact.Inconclusive, f.State, "%s", h.FindingText(&f))
			require.Equal(t, ReasonBounds, f.Reason)
		}
	}
}
