package session

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// Half of the work that is left is for the suspects of a trace in which something was
// rejected; whoever is left out is looked at later.
func TestRejectionsLeaveWork(t *testing.T) {
	for work, want := range map[int]int{0: 0, 10: 5, 20: 10, 30: 20} {
		s := newStage(t, standard)
		s.tell("a started at=0s")
		for i := range 10 {
			s.tell(fmt.Sprintf("a request at=20s id=1/%d", i+1))
		}
		require.Equal(t, 10, s.pending())
		a := s.get(sessiontest.SessionName(0).ID)
		s.work.allow(work)
		_, all := s.noteRejections(a.shard.recent.at(a.recent), false, traceRecords{})
		require.Equal(t, want, s.work.left, "of %d", work)
		require.Equal(t, work >= 20, all, "with %d", work)
	}
}

// What was served behind a rejection inside a request clears it, if it was not refused
// itself: so many of those are looked into, and so much of a trace is. What is left out is
// counted, and clears nothing.
func TestRejectsInside(t *testing.T) {
	for name, c := range map[string]struct {
		inside  string // of what was served behind the rejection, the last of them looked at first
		refused bool
		lost    int64
	}{
		"nothing was served":           {"", true, 0},
		"something was":                {"plain", false, 0},
		"what was refused itself":      {"refused", true, 0},
		"what was not in the end":      {"mended", false, 0},
		"two that were refused":        {"refused refused", true, 0},
		"the second was not":           {"mended refused", false, 0},
		"the third is not looked into": {"mended refused refused", true, 1},
		"but what needs no look is":    {"plain refused refused", false, 0},
		"too much to look at":          {"plain" + strings.Repeat(" plain", maxInside), true, 1},
	} {
		s := newStage(t, "policy p0 idle=24h\n", func(c *Config) { c.MaxRecentRequests = 1000 })
		s.tell("a request at=0s..1000s id=1/1\na request at=10s..11s id=1/2 rejected\na request at=998s..999s id=1/3 api")
		for i, kind := range strings.Fields(c.inside) {
			at, id := 20+10*i, 10+3*i
			s.tell(fmt.Sprintf("a request at=%ds..%ds id=1/%d", at, at+9, id))
			if kind != "plain" {
				s.tell(fmt.Sprintf("a request at=%ds..%ds id=1/%d api rejected", at+1, at+2, id+1))
			}
			if kind == "mended" {
				s.tell(fmt.Sprintf("a request at=%ds..%ds id=1/%d api", at+3, at+4, id+2))
			}
		}
		ring := &s.get(sessiontest.SessionName(0).ID).shard.recent
		s.work.allow(workOfHold)
		lost := s.stats.lost
		require.Equal(t, c.refused, s.rejectsInside(ring.at(1)), name)
		require.Equal(t, c.lost, s.stats.lost-lost, name)
	}
}
