package session

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// requireDurations wants means, in seconds, each followed by how many there are.
func requireDurations(t *testing.T, d *Durations, want ...float64) {
	t.Helper()
	require.NotNil(t, d)
	var got []float64
	for mean, n := range d.All() {
		got = append(got, mean, float64(n))
	}
	require.Equal(t, want, got)
}

// TestDurationBounds: the buckets are those of the histograms.
func TestDurationBounds(t *testing.T) {
	text, err := os.ReadFile("../../processor/sessiontimeout/metadata.yaml")
	require.NoError(t, err)
	var bounds []string
	for _, b := range durationBounds {
		bounds = append(bounds, strconv.FormatFloat(b.Seconds(), 'f', -1, 64))
	}
	require.Equal(t, 3, strings.Count(string(text), "["+strings.Join(bounds, ", ")+"]"), "%v", bounds)
}

// TestMeanIsInItsBucket: rounding takes no mean out of its bucket.
func TestMeanIsInItsBucket(t *testing.T) {
	for i := range len(durationBounds) - 1 {
		var low, high Durations
		low.buckets[i+1].n, low.buckets[i+1].sum = 1, float64(durationBounds[i])
		high.buckets[i+1].n, high.buckets[i+1].sum = 1, float64(durationBounds[i+1]+1)
		requireDurations(t, &low, float64(durationBounds[i]+1)/1e9, 1)
		requireDurations(t, &high, float64(durationBounds[i+1])/1e9, 1)
	}
}

// TestDurations: bucket by bucket the means stand for what was added: in the
// same bucket, as often, with the same sum.
func TestDurations(t *testing.T) {
	bucketOf := func(seconds float64) (i int) {
		for i < len(durationBounds) && seconds > durationBounds[i].Seconds() {
			i++
		}
		return i
	}
	random := rand.New(rand.NewPCG(1, 2))
	values := map[string]func() time.Duration{
		"anything":          func() time.Duration { return time.Duration(random.ExpFloat64() * float64(12*time.Hour)) },
		"zero":              func() time.Duration { return 0 },
		"weeks":             func() time.Duration { return 100 * 7 * 24 * time.Hour },
		"more than a week":  func() time.Duration { return 7*24*time.Hour + 1 },
		"bounds":            func() time.Duration { return durationBounds[random.IntN(len(durationBounds))] },
		"next to a bound":   func() time.Duration { return durationBounds[random.IntN(len(durationBounds))] + 1 },
		"just below a week": func() time.Duration { return 7*24*time.Hour - 1 },
	}
	for name, value := range values {
		t.Run(name, func(t *testing.T) {
			var d Durations
			var counts [len(durationBounds) + 1]int64
			sum := 0.0
			for range 50_000 {
				ns := value()
				d.add(int64(ns))
				counts[bucketOf(ns.Seconds())]++
				sum += ns.Seconds()
			}
			total := 0.0
			for mean, n := range d.All() {
				i := bucketOf(mean)
				require.Equal(t, counts[i], n)
				counts[i] = 0
				total += mean * float64(n)
			}
			require.Zero(t, counts, "a bucket is missing")
			require.InEpsilon(t, sum+1, total+1, 1e-9)
			for range d.All() {
				break // early
			}
		})
	}
}

// TestMeasuredIsBounded: whoever never takes what was measured pays for policies,
// types and services, not for sessions and requests.
func TestMeasuredIsBounded(t *testing.T) {
	noGoroutine(t)
	s := newStage(t, standard, func(c *Config) { c.MaxSessions, c.MaxServices, c.Retention = 1000, 4, time.Hour })
	const sessions = 5000
	for i := range sessions {
		web := &fact.Resource{ServiceName: "web" + string(rune('a'+i%26))}
		for _, kind := range []fact.Kind{fact.Started, fact.Request, fact.Ended, fact.Request} {
			s.now += int64(5 * time.Second)
			s.observe(&fact.Fact{Kind: kind, Session: sessiontest.SessionName(i), Start: s.now, End: s.now, At: s.now, Resource: web}, s.now)
		}
		s.advance(s.now)
		s.takeFindings()
	}
	got := s.takeMeasured()
	require.Len(t, got.Lifetimes, 1)
	require.Len(t, got.Overruns, 1)
	require.LessOrEqual(t, len(got.Propagations), 4+1)
	count := func(d *Durations) (all int64) {
		for _, n := range d.All() {
			all += n
		}
		return all
	}
	var lifetimes, overruns, propagations int64
	for _, d := range got.Lifetimes {
		lifetimes += count(d)
	}
	for _, d := range got.Overruns {
		overruns += count(d)
	}
	for _, d := range got.Propagations {
		propagations += count(d)
	}
	require.EqualValues(t, sessions, lifetimes)
	require.Equal(t, violations(s.Engine), overruns)
	require.Equal(t, violations(s.Engine), propagations)
	require.Greater(t, overruns, int64(sessions/2))
}
