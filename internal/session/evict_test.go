package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// What is evicted before what it leaves was told leaves it all the same: to what continues
// it, where that is known.
func TestEvictedBeforeItIsTold(t *testing.T) {
	for _, c := range []struct {
		name, before, late string
		suspected          bool
	}{
		{"a login", "b rotated from=a at=55s", "now=56s a authenticated at=50s", false},
		{"no login", "b rotated from=a at=55s", "now=56s a activity at=50s", true},
		{"to one that is gone", "c rotated from=a at=53s\nd activity at=54s\nb rotated from=a at=55s", "now=56s a authenticated at=50s", false},
	} {
		s := newStage(t, "config window=1h\n"+standard, func(c *Config) { c.MaxSessions = 3 })
		s.shards[0].sessions.established = 0
		s.tell("a started at=0s\na request at=1s\n" + c.before + "\nb activity at=55.5s user=u1\nadvance\n")
		s.tell(c.late + "\nz activity at=57s\ny activity at=57s")
		require.Nil(t, s.get(sessiontest.SessionName(0).ID), c.name)
		s.wait(0)
		s.tell("now=62s b activity at=60s\nb activity at=69s\nb request at=70s")
		require.Equal(t, c.suspected, s.pending() > 0, c.name)
	}
}

// What was found of a session and is not so any more is said though the session is thrown
// away before the finding's turn has come.
func TestEvictedBeforeItIsRetracted(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na request at=20s")
	require.Len(t, s.wait(time.Minute), 1)
	s.tell("a authenticated at=19s")
	s.work.allow(workOfHold)
	require.True(t, s.resume())
	s.tell("b request at=21s")
	require.EqualValues(t, 1, s.counters().Evicted(EvictedLimit))
	found := s.takeFindings()
	require.Len(t, found, 1)
	require.Equal(t, fact.Retracted, found[0].State)
}
