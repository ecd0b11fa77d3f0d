package session

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// A clone stays as it is while the engine goes on.
func TestCloneOfStats(t *testing.T) {
	s := newStage(t, standard)
	tell := func() {
		s.tell("a started at=0s\na request at=25s\nb started at=0s\nb ended at=1s\nb request at=25s rejected")
		s.wait(time.Hour)
		s.blind(sessiontest.Epoch, sessiontest.Epoch+1, ReasonShutdown)
	}
	read := func(c *Stats) (all []string) {
		c.Requests(func(p int, service string, v Verdict, n int64) { all = append(all, fmt.Sprint(p, service, v, n)) })
		c.Violations(func(p int, service string, typ fact.Type, n int64) { all = append(all, fmt.Sprint(p, service, typ, n)) })
		c.AbsoluteBounds(func(p int, service string, b Bounds) { all = append(all, fmt.Sprint("age", p, service, b)) })
		c.IdleBounds(func(p int, service string, b Bounds) { all = append(all, fmt.Sprint(p, service, b)) })
		c.Blind(func(reason string, ns int64) { all = append(all, fmt.Sprint(reason, ns)) })
		slices.Sort(all)
		return append(all, fmt.Sprint(c.findings, c.facts))
	}
	tell()
	c := s.counters().Clone()
	before := read(c)
	require.Greater(t, len(before), 4)
	require.Equal(t, read(s.counters()), before)
	s.now += int64(time.Hour)
	s.tell("c started at=7201s\nc request at=7290s api")
	s.wait(time.Hour)
	s.blind(sessiontest.Epoch, sessiontest.Epoch+1, ReasonShutdown)
	require.NotEqual(t, before, read(s.counters()))
	require.Equal(t, before, read(c))
}
