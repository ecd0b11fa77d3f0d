package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// Where there is no room an expired session goes, else one that has only just
// come, else an ended one, else the one that is silent longest.
func TestWhoIsEvicted(t *testing.T) {
	for _, c := range []struct {
		name, text string
		gone       int
	}{
		{"the ended one, though it was heard of last", `
			a activity at=0s
			a activity at=1s
			b activity at=2s
			c activity at=3s
			b activity at=4s
			c activity at=4s
			b ended at=5s
			now=6s d activity at=6s`, 1},
		{"also when it has settled", `
			a activity at=0s
			a activity at=1s
			b activity at=2s
			c activity at=3s
			b activity at=4s
			c activity at=4s
			b ended at=5s
			advance
			now=6s d activity at=6s`, 1},
		{"the one that has only just come, though others have ended", `
			a activity at=0s
			b activity at=0s
			c activity at=3s
			a activity at=4s
			b activity at=4s
			b ended at=5s
			now=6s d activity at=6s`, 2},
		{"the expired one, though others have only just come", `
			b request at=0s
			b request at=1s
			a activity at=20s
			c activity at=21s
			now=22s d activity at=22s`, 1},
		{"a limit that has only just passed is none: a late fact may come", `
			b request at=0s
			b request at=1s
			a activity at=15s
			c activity at=16s
			now=21s d activity at=21s`, 0},
		{"the one that has only just come, though others are silent for longer", `
			a activity at=0s
			a activity at=1s
			b activity at=2s
			b activity at=3s
			c activity at=5s
			now=6s d activity at=6s`, 2},
		{"the oldest of those", `
			a activity at=0s
			b activity at=2s
			c activity at=5s
			a activity at=5s
			now=6s d activity at=6s`, 1},
		{"the one that is silent longest", `
			a activity at=0s
			b activity at=0s
			c activity at=0s
			b activity at=1s
			a activity at=3s
			c activity at=5s
			now=6s d activity at=6s`, 1},
		{"wherever it stands", `
			a activity at=0s
			b activity at=0s
			c activity at=0s
			c activity at=1s
			a activity at=3s
			b activity at=5s
			now=6s d activity at=6s`, 2},
	} {
		s := newStage(t, standard+"config window=10s ahead=1h", func(c *Config) { c.MaxSessions = 3 })
		s.shards[0].sessions.established = int64(time.Second)
		s.tell(c.text)
		require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit), c.name)
		for n := range 4 {
			require.Equal(t, n == c.gone, s.shardOf(sessiontest.SessionName(n).ID).sessions.find(sessiontest.SessionName(n).ID) == compact.NoSlot, "%s: %d", c.name, n)
		}
	}
}

// One that has only just come gives way to those in use, too, when the ring has
// forgotten it.
func TestFleetingIsEvicted(t *testing.T) {
	s := newStage(t, standard+"config window=10s ahead=1h", func(c *Config) { c.MaxSessions = 3 })
	table := &s.shards[0].sessions
	table.established = int64(time.Second)
	s.tell(`
		a activity at=0s
		a activity at=1s
		b activity at=2s
		b activity at=3s
		c activity at=4s`)
	table.probation = newProbation(1)
	s.tell("now=6s d activity at=6s")
	require.NotEqual(t, compact.NoSlot, table.find(sessiontest.SessionName(0).ID))
	require.NotEqual(t, compact.NoSlot, table.find(sessiontest.SessionName(1).ID))
	require.Equal(t, compact.NoSlot, table.find(sessiontest.SessionName(2).ID))
}

// Wherever the search begins it comes past those that give way.
func TestEvictionLooksEverywhere(t *testing.T) {
	s := newStage(t, standard+"config window=10s ahead=1h", func(c *Config) { c.MaxSessions = 200 })
	table := &s.shards[0].sessions
	table.established = int64(time.Second)
	request := func(n, at int) {
		f := fact.Fact{Session: sessiontest.SessionName(n), Start: int64(at), End: int64(at), At: int64(at), Resource: &fact.Resource{}}
		s.observe(&f, sessiontest.Epoch+int64(time.Hour))
	}
	for n := range 100 { // in use
		request(n, int(sessiontest.Epoch))
		request(n, int(sessiontest.Epoch)+2*int(time.Second))
	}
	for n := range 100 {
		request(100+n, int(sessiontest.Epoch)+3*int(time.Second))
	}
	for n := range 50 {
		table.probation = newProbation(1)
		request(200+n, int(sessiontest.Epoch)+4*int(time.Second))
	}
	for n := range 100 {
		require.NotEqual(t, compact.NoSlot, table.find(sessiontest.SessionName(n).ID), n)
	}
}

// Those that have only just come are remembered in a ring: the oldest is
// forgotten where it is full.
func TestProbation(t *testing.T) {
	p := newProbation(1)
	_, ok := p.oldest()
	require.False(t, ok)
	for i := range uint32(20) {
		p.add(i)
	}
	for i := uint32(4); i < 20; i++ {
		slot, ok := p.oldest()
		require.True(t, ok)
		require.Equal(t, i, slot)
	}
	_, ok = p.oldest()
	require.False(t, ok)
}

// TestEvictedWhenCleared: a finding that was cleared is taken back, though its
// session gives way before the next call of Advance.
func TestEvictedWhenCleared(t *testing.T) {
	cfg := historyConfig()
	cfg.MaxSessions, cfg.MaxRecentRequests = 1, 64
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: 10 * time.Second}}
	e, now := New(cfg), sessiontest.Epoch
	request := func(session int, from, to time.Duration) {
		at := sessiontest.Epoch + int64(from)
		f := fact.Fact{Session: sessiontest.SessionName(session), Start: at, End: sessiontest.Epoch + int64(to), At: at, Resource: sessiontest.Resources["web"]}
		now = max(now, f.End)
		e.observe(&f, now)
	}
	request(0, 0, 0)
	request(0, 20*time.Second, 20*time.Second)
	now += int64(cfg.DecisionWait)
	e.advance(now)
	found := e.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Confirmed, found[0].State)
	request(0, time.Second, 19*time.Second) // it was at work
	e.work.allow(workOfHold)
	require.True(t, e.resume())
	request(1, 30*time.Second, 30*time.Second)
	require.EqualValues(t, 1, e.counters().Evicted(EvictedLimit))
	e.advance(now)
	found = e.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
	require.Equal(t, 2, found[0].Revision)
}

// An invented id gives way though the few that are looked at are others.
func TestFloodIsFound(t *testing.T) {
	s := newStage(t, "config window=10s ahead=1h\npolicy p0", func(c *Config) { c.MaxSessions = 64 })
	table := &s.shards[0].sessions
	table.established = int64(time.Second)
	fleeting := 62 // a slot that is not looked at
	for i := range 64 {
		for _, at := range []int{0, 2000} {
			if i != fleeting || at == 0 {
				f := tideFact(fact.Request, tideSession(i), at+i)
				s.observe(&f, f.At)
			}
		}
	}
	require.True(t, table.fleeting(table.find(tideSession(fleeting).ID)))
	f := tideFact(fact.Request, tideSession(99), 3000)
	s.observe(&f, f.At)
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
	require.Equal(t, compact.NoSlot, table.find(tideSession(fleeting).ID))
}

// A session is fleeting that has been there for a moment and showed nobody.
func TestFleeting(t *testing.T) {
	for facts, is := range map[string]bool{
		"a activity at=0s":                                           true,
		"a activity at=0s user=u1":                                   false,
		"a authenticated at=0s":                                      false,
		"a authenticated at=0s user=u1":                              false,
		"a activity at=0s\na activity at=0.999999999s":               true,
		"a activity at=0s\na activity at=1s":                         false,
		"a activity at=0s user=u1\na activity at=5s\nnow=9s advance": false,
	} {
		s := newStage(t, standard)
		table := &s.shards[0].sessions
		table.established = int64(time.Second)
		s.tell(facts)
		slot := table.find(sessiontest.SessionName(0).ID)
		s.get(sessiontest.SessionName(0).ID)
		require.Equal(t, is, table.fleeting(slot), facts)
	}
}
