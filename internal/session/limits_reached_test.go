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

// roomyTrial is a history that may be longer than those that are drawn.
func roomyTrial(text string) *trial {
	h := parsedTrial(text)
	h.room = room{sessions: 64, requests: 1 << 16, services: 16, retention: 100_000 * time.Hour}
	return h
}

// TestLongLineOfLargerSessions: where each id of a line names another larger session, more
// than are kept, what can be confirmed stays so, and what is given up is counted.
func TestLongLineOfLargerSessions(t *testing.T) {
	for _, ids := range []int{4, maxHeldLinks, maxHeldLinks + 2} {
		var b strings.Builder
		b.WriteString("config window=1h\npolicy p0 absolute=60s tolerance=1s rotation=1h\na started at=0s\n")
		for i := range ids {
			if i > 0 {
				fmt.Fprintf(&b, "%s rotated from=%s at=%ds\n", sessiontest.SessionName(i).Raw, sessiontest.SessionName(i-1).Raw, 2*i)
			}
			fmt.Fprintf(&b, "%s request at=%ds linked=%s\n", sessiontest.SessionName(i).Raw, 2*i+1, sessiontest.SessionName(i+40).Raw)
		}
		fmt.Fprintf(&b, "%s request at=100s\n", sessiontest.SessionName(ids-1).Raw)
		h := roomyTrial(b.String())
		require.Empty(t, check(h, false), "%d ids", ids)
		require.Equal(t, ids > maxHeldLinks+1, run(h, false).engine.stats.lost > 0, "%d ids", ids)
	}
}

// TestSampledBeyondTheRing: sampled is up to the next login also where not all facts can be
// reached any more.
func TestSampledBeyondTheRing(t *testing.T) {
	var b strings.Builder
	b.WriteString("config window=10m\npolicy p0 idle=10s\na started at=0s\na request at=1s sampled\n")
	for login := range 3 {
		at := 100 * (login + 1)
		fmt.Fprintf(&b, "now=%ds a authenticated at=%ds user=u1\n", at, at)
		for i := range 20 {
			fmt.Fprintf(&b, "now=%ds a request at=%ds\n", at+i, at+i)
		}
	}
	b.WriteString("now=400s a authenticated at=400s\nnow=401s a request at=401s\nnow=450s a request at=450s\n")
	h := parsedTrial(b.String())
	h.room.requests = 8
	require.Empty(t, check(h, false))
}

// TestManySampledLogins: what was sampled before as many logins as are known is not
// forgotten.
func TestManySampledLogins(t *testing.T) {
	for _, logins := range []int{maxInstants - 1, maxInstants} {
		var b strings.Builder
		b.WriteString("config window=1h\npolicy p0 idle=10s\nnow=201s a started at=0s\nnow=201s a request at=1s sampled\n")
		for i := range logins {
			fmt.Fprintf(&b, "now=202s a authenticated at=%ds\nnow=202s a request at=%ds sampled\n", 30+2*i, 31+2*i)
		}
		b.WriteString("now=203s a request at=20s\nnow=400s advance\n")
		require.Empty(t, check(roomyTrial(b.String()), false), "%d logins", logins)
	}
}

// TestBusySessionOfASlowLogin: a start that a request says is one however many follow it
// before it is read.
func TestBusySessionOfASlowLogin(t *testing.T) {
	for _, facts := range []int{maxBeside - 12, maxBeside + 8, 2 * maxRebuild} {
		var b strings.Builder
		b.WriteString("config window=1h\npolicy p0 absolute=60s tolerance=1s\na request at=0s..5s user=u1 id=1/1\na started at=5s said id=1/1\n")
		for i := range facts {
			fmt.Fprintf(&b, "now=10s a request at=%dms\n", 6000+i)
		}
		b.WriteString("now=11s advance\nnow=63s a request at=63s\nnow=64s advance\n")
		require.Empty(t, run(roomyTrial(b.String()), false).final, "%d facts", facts)
	}
}

// TestHotAncestor: an id that is made dirty all the time, and was rotated, holds up no
// review of others.
func TestHotAncestor(t *testing.T) {
	noGoroutine(t)
	n := 20_000
	e := tideEngine(&tide{change: func(c *Config) {
		c.DecisionWait, c.MaxRecentRequests, c.ReorderWindow = time.Second, 1_000_000, time.Hour
	}}, n)
	now, retracted := sessiontest.Epoch, 0
	take := func() {
		for _, f := range e.takeFindings() {
			if f.State == fact.Retracted {
				retracted++
			}
		}
		e.takeMeasured()
	}
	observe := func(f fact.Fact) { e.observe(&f, now) }
	since := func() int { return int((now - sessiontest.Epoch) / int64(time.Millisecond)) }
	hot := func(i int) {
		f := tideFact(fact.Request, tideSession(0), since())
		f.User = tideUser(i % 97)
		observe(inSpan(f, i, 0))
	}
	const others = 50
	for i := range others {
		observe(tideFact(fact.Ended, tideID(3, i), since()))
		observe(inSpan(tideFact(fact.Request, tideID(3, i), since()+20_000), 1_000_000+i, 5))
	}
	for range 3 {
		now += int64(30 * time.Second)
		e.advance(now)
		take()
	}
	for i := range n {
		now += int64(time.Millisecond)
		hot(i)
	}
	e.advance(now)
	observe(rotatedFact(tideSession(0), tideSession(1), since()))
	for i := range 8 * others {
		now += int64(10 * time.Millisecond)
		hot(n + i)
		if i >= 100 && i < 100+others { // a login that clears one
			observe(tideFact(fact.Authenticated, tideID(3, i-100), 10_000))
		}
		for range 8 {
			e.advanceSome(now)
			take()
		}
	}
	require.Equal(t, others, retracted)
}
