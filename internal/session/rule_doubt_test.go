package session

import (
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

func TestBlindBetween(t *testing.T) {
	b := blinds{{10, 20, "one"}, {30, 40, "two"}}
	for _, c := range []struct {
		since, at int64
		reason    string
	}{
		{0, 10, ""}, {0, 11, "one"}, {19, 25, "one"}, {20, 30, ""}, {20, 31, "two"}, {5, 50, "one"}, {39, 40, "two"}, {40, 50, ""},
	} {
		reason, blind := b.between(c.since, c.at)
		require.Equal(t, c.reason, reason, "%+v", c)
		require.Equal(t, c.reason != "", blind, "%+v", c)
	}
}

// They are told apart up to a number; then those that lie closest become one.
func TestBlindsAreBounded(t *testing.T) {
	var b blinds
	for i := range int64(maxBlind) {
		k := i * 37 % maxBlind // in no order
		b.add(blindInterval{k * 100, k*100 + 10, strconv.FormatInt(k, 10)})
	}
	require.Len(t, b, maxBlind)
	require.True(t, slices.IsSortedFunc(b, func(x, y blindInterval) int { return int(x.from - y.from) }))
	require.Equal(t, blindInterval{4200, 4210, "42"}, b[42])

	b.add(blindInterval{4230, 4240, "between"})
	require.Len(t, b, maxBlind)
	require.Equal(t, []blindInterval{{4100, 4110, "41"}, {4200, 4240, "42"}, {4300, 4310, "43"}}, []blindInterval(b[41:44]))

	b.add(blindInterval{4250, 4251, "in the end"})
	require.Equal(t, []blindInterval{{4200, 4251, "42"}, {4300, 4310, "43"}}, []blindInterval(b[42:44]))

	b.add(blindInterval{90, 95, "before"})
	require.Len(t, b, maxBlind)
	require.Equal(t, []blindInterval{{0, 10, "0"}, {90, 110, "before"}, {200, 210, "2"}}, []blindInterval(b[:3]))

	b.add(blindInterval{1, 2, "within"})
	require.Equal(t, blindInterval{0, 10, "0"}, b[0], "its end is the later one")

	b = nil
	b.add(blindInterval{5, 9, "first"})
	b.add(blindInterval{5, 8, "second"})
	reason, _ := b.between(6, 7)
	require.Equal(t, "first", reason, "of two that begin at once the one that was told first")
}

// Blind time is counted by its reason, and judges again who waits.
func TestBlindIsCounted(t *testing.T) {
	o := run(parsedTrial(standard+`
		a started at=0s
		a request at=20s
		now=21s blind 1s..5s crash
		now=22s blind 7s..8s crash
		now=23s blind 7s..10s shed`), true)
	got := map[string]int64{}
	o.engine.counters().Blind(func(reason string, ns int64) { got[reason] = ns })
	require.Equal(t, map[string]int64{"crash": 5e9, "shed": 3e9}, got)
	require.Len(t, o.sent, 1)
	require.Equal(t, "crash", o.sent[0].Reason)
	require.EqualValues(t, 1, o.engine.counters().Findings(fact.Inconclusive))
}

// What an engine that stopped knew is in doubt, and what came behind it is not.
func TestRestarted(t *testing.T) {
	const text = standard + "config ahead=1h\n"
	for _, c := range []struct {
		name, text, reason string
	}{
		{"silent since it stopped", "a started at=30s\na request at=45s", ""},
		{"silent since a moment before", "a started at=29.999999999s\na request at=45s", ReasonRestart},
		{"thrown away since", "a started at=33s\nnow=35s b started at=35s\nc started at=36s\na started at=32s\na request at=45s", ReasonEvicted},
	} {
		s := newStage(t, text, func(c *Config) { c.MaxSessions = 1 })
		s.restartedAt(sessiontest.Epoch + int64(30*time.Second))
		s.tell(c.text)
		found := s.wait(time.Minute)
		require.Len(t, found, 1, c.name)
		require.Equal(t, c.reason, found[0].Reason, c.name)
	}
}

// What nothing that was thrown away clears is in doubt all the same where an engine that
// stopped may have known more.
func TestVouchedAfterRestart(t *testing.T) {
	const restarted = int64(500)
	for name, c := range map[string]struct {
		vouched bool
		before  int64 // not all is known of what came before
		want    string
	}{
		"all is known":                 {false, 395, ""},
		"thrown away":                  {false, restarted + 1, ReasonEvicted},
		"thrown away, and vouched for": {true, restarted + 1, ""},
		"the engine stopped":           {false, restarted, ReasonRestart},
		"that cannot be vouched for":   {true, restarted, ReasonRestart},
		"nor what it had thrown away":  {true, restarted - 1, ReasonRestart},
	} {
		w := backOf(t, comeback{}, 1000)
		w.e.authenticated, w.e.restarted, w.t.unknownBefore = ^uint64(0), restarted, c.before
		require.Equal(t, c.want, w.doubt(&expiry{typ: fact.EndedSession, since: 400, vouched: c.vouched}), name)
	}
}

// What was sampled matters from the login before the request up to the next one.
func TestSampledUpToTheNextLogin(t *testing.T) {
	for name, c := range map[string]struct {
		logins, sampled []int64
		want            bool
	}{
		"nothing":                 {nil, nil, false},
		"no login":                {nil, []int64{longAgo}, true},
		"since the login":         {[]int64{900}, []int64{900}, true},
		"before the login":        {[]int64{900}, []int64{longAgo}, false},
		"since the next one":      {[]int64{900, 1100}, []int64{1100}, false},
		"since the one before":    {[]int64{800, 900}, []int64{800}, false},
		"before the first login":  {[]int64{1100}, []int64{longAgo}, true},
		"since the first, behind": {[]int64{1100}, []int64{1100}, false},
	} {
		w := backOf(t, comeback{}, 1000)
		w.t.authentications, w.t.sampled = c.logins, c.sampled
		w.begin()
		require.Equal(t, c.want, w.isSampled(), name)
	}
}

// Where no request waits for its parent nothing is looked through because one may have been
// seen.
func TestLostCallersWithNobodyWaiting(t *testing.T) {
	s := newStage(t, standard)
	s.loseCallers(s.now)
	require.Zero(t, s.backlog())
	s.callers.awaited.add(7, recordPlace{})
	s.loseCallers(s.now)
	require.Zero(t, s.backlog(), "that was known")
	s.loseCallers(s.now + secondNanos)
	require.Equal(t, 1, s.backlog())
}
