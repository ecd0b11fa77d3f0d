package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

var nested = []reading{
	{"what lies inside a refused request starts with it, and nothing was active there", `
		a started at=0s
		a request at=24s..30s id=1/2
		a request at=9s..40s id=1/1 rejected
		a request at=26s..27s id=1/3
		a request at=21s`, []string{"a idle_timeout n=1 at=21s overrun=11s expired=10s activity=0s"}},
	{"a moment is enough to lie in, though it is known later", `config request
		a started at=0s
		a request at=20.000000001s id=1/2
		a request at=20s..20.000000001s id=1/1`, []string{"a at=20s overrun=10s", "a at=20.000000001s overrun=10s"}},
	{"another record of an exempt request is exempt, though it takes no time", `
		a started at=0s
		a request at=20s id=1/1
		a request exempt at=20s id=1/1`, nil},
	{"another trace's is not", `
		a started at=0s
		a request at=20s id=2/1
		a request exempt at=25s id=1/1`, []string{"a idle_timeout n=1 at=20s"}},
	{"another session's is not", `
		a started at=0s
		a request at=20s id=1/1
		b request exempt at=20s id=1/1`, []string{"a idle_timeout n=1 at=20s"}},
	{"what turns out to be exempt shows no identity", `
		a started at=0s
		a request at=5s..30s id=1/1
		a request at=20s..21s id=1/2 user=u1
		a request exempt at=19s..22s id=1/3
		- ended_user at=25s user=u1
		a request at=36s`, nil},
	{"what is not shows one", `
		a started at=0s
		a request at=5s..30s id=1/1
		a request at=20s..21s id=1/2 user=u1
		- ended_user at=25s user=u1
		a request at=36s`, []string{"a revoked n=1 at=36s"}},
}

func TestNested(t *testing.T) { requireReadings(t, nested) }

// What is found of a request is inconclusive where its trace has more records than
// are looked at, unless something around it is among those. It is not judged before
// its trace has been looked through.
func TestCrowded(t *testing.T) {
	for _, c := range []struct {
		name, more string
		records    int
		suspected  bool
		state      fact.State
	}{
		{"nothing around it", "a request at=20s id=1/1", maxTraceSteps + 10, false, fact.Inconclusive},
		{"as many as are looked at", "a request at=20s id=1/1", maxTraceSteps - 1, false, fact.Confirmed},
		{"as many as are looked at at once", "a request at=20s id=1/1", traceLooks, true, fact.Confirmed},
		{"something around it", "a request at=19s..30s id=1/2 passive\na request at=20s id=1/1", maxTraceSteps + 10, false, fact.Confirmed},
		{"another trace", "a request at=20s id=2/1", maxTraceSteps + 10, true, fact.Confirmed},
	} {
		s := newStage(t, standard, func(c *Config) { c.MaxRecentRequests = 1000 })
		s.tell("a started at=0s")
		for i := range c.records {
			s.observe(&fact.Fact{
				Session: sessiontest.SessionName(0), Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"],
				Trace: [16]byte{1}, Span: [8]byte{9, byte(i), byte(i >> 8)},
			}, s.now)
		}
		require.Equal(t, c.suspected, s.tell(c.more).Suspected, c.name)
		found := s.wait(time.Minute)
		require.Len(t, found, 1, c.name)
		require.Equal(t, c.state, found[0].State, c.name)
		if c.state == fact.Inconclusive {
			require.Equal(t, ReasonBounds, found[0].Reason)
		}
	}
}
