package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A rotation onto an id that there is no room for is known of the one that it ends.
func TestRotationWithoutRoom(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na request at=20s")
	s.tell("b rotated from=a at=5s")
	require.EqualValues(t, 1, s.counters().Refused(RefusedLimit))
	found := s.wait(time.Minute)
	require.Len(t, found, 1)
	require.Equal(t, fact.RotatedSession, found[0].Type)
}

// Another event that there is no room for is of nobody.
func TestEventWithoutRoom(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxSessions = 1 })
	s.tell("a started at=0s\na request at=20s\nb ended at=5s\nb rotated from=c at=5s")
	require.EqualValues(t, 2, s.counters().Refused(RefusedLimit))
	require.Equal(t, 1, s.sessions())
}

// An end that there is no room to remember of those that are part of it is counted.
func TestEndOfPartsWithoutRoom(t *testing.T) {
	defer func(was int) { maxUsers = was }(maxUsers)
	maxUsers = 1
	s := newStage(t, standard, func(c *Config) { c.Linked = true })
	s.tell("a ended at=5s")
	require.Zero(t, s.counters().Truncated())
	s.tell("b ended at=5s")
	require.EqualValues(t, 1, s.counters().Truncated())
	s.tell("a ended at=6s")
	require.EqualValues(t, 1, s.counters().Truncated())
}

// What merely presents an id counts where a policy takes that for proof, and there is one.
func TestMerelyPresented(t *testing.T) {
	s := newStage(t, "policy p0\npolicy p1 presented\n")
	for policy, want := range map[uint8]bool{0: true, 1: false, 2: true, fact.NoPolicy: true} {
		f := fact.Fact{Kind: fact.Ended, Flags: fact.FromRequest | fact.Presented, Policy: policy}
		require.Equal(t, want, s.merelyPresented(&f), "%d", policy)
	}
}
