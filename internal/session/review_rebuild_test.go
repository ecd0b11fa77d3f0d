package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

var rebuilt = []reading{
	{"who logged in late is still known", `
		config window=10s
		a started at=0s
		a request at=30s p- id=1/1
		now=31s a authenticated at=15s user=u1
		now=31s a request at=30s p- id=1/1 log rejected
		a activity at=24s
		- ended_user at=32s user=u1
		a activity at=33s
		a request at=40s`, []string{"a revoked n=1 at=40s"}},
	{"who started late is for what follows", `
		config window=10s
		a started at=0s
		a request at=30s p- id=1/1
		now=31s a started at=15s user=u1
		now=31s a request at=30s p- id=1/1 log rejected
		a activity at=24s
		a activity at=33s
		- ended_user at=34s user=u1
		a request at=40s`, []string{"a revoked n=1 at=40s"}},
}

func TestRebuilt(t *testing.T) { requireReadings(t, rebuilt) }

// What the recent facts no longer reach stays as it was when others turn out to
// have said nothing.
func TestRebuildOfAPart(t *testing.T) {
	for _, c := range []struct {
		name, before, after string
		suspected           bool
	}{
		{"older activity stays", "a request at=5s", "a request at=14s id=1/1\na request at=14s id=1/1 log rejected\na request at=15.5s", false},
		{"so does what came before, and is later", "a request at=15s p1", "a request at=1s user=u1\na request at=2s user=u2\na request at=24s", false},
		{"what was refused does not", "", "a request at=20s p1 indeterminate id=1/1\na request at=20s p1 log id=1/1 rejected\na request at=25s", true},
	} {
		s := newStage(t, standard+"policy p1 idle=30s", func(c *Config) { c.MaxRecentRequests = 8 })
		s.tell("a started at=0s\n" + c.before)
		for i := range 8 {
			s.served(1, time.Duration(s.now-sessiontest.Epoch)+time.Duration(i), 0)
		}
		s.tell(c.after)
		s.wait(0)
		require.Equal(t, c.suspected, s.pending() == 1, c.name)
	}
}
