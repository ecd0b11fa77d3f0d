package sessiontimeout

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
)

// step is a batch that a sender keeps until it is acknowledged.
type step struct {
	at     time.Duration // since the beginning
	traces ptrace.Traces
	logs   plog.Logs
	isLogs bool
}

// story is what senders send: sessions that violate each rule, work that
// waits for its decision at every moment, a retraction, and sessions in order.
func story(begin time.Time) (steps []step) {
	serve := func(at time.Duration, session string) {
		steps = append(steps, step{at: at, traces: requestSpan(session, begin.Add(at))})
	}
	event := func(at, sent time.Duration, name, session string, attrs ...string) {
		ld := endRecord(session, begin.Add(at))
		record := ld.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.SetEventName(name)
		for i := 0; i < len(attrs); i += 2 {
			record.Attributes().PutStr(attrs[i], attrs[i+1])
		}
		steps = append(steps, step{at: sent, logs: ld, isLogs: true})
	}
	const s = time.Second
	for i := range 6 {
		n, from := strconv.Itoa(i), time.Duration(i)*9*s
		serve(from+s, "secret-idle"+n)
		serve(from+2*s, "secret-ended"+n)
		serve(from+2*s, "secret-fine"+n)
		event(from+3*s, from+3*s, "session.start", "secret-new"+n, "session.previous_id", "secret-rotated"+n)
		event(from+4*s, from+4*s, "session.end", "secret-ended"+n)
		serve(from+15*s, "secret-fine"+n)
		serve(from+20*s, "secret-ended"+n)
		serve(from+36*s, "secret-idle"+n)
		serve(from+37*s, "secret-late"+n)
		serve(from+39*s, "secret-fine"+n)
		serve(from+40*s, "secret-rotated"+n)
		serve(from+70*s, "secret-late"+n)
		// What clears it comes in time, or after it was confirmed.
		event(from+69*s, from+time.Duration(72+6*i)*s, "authn_login_success", "secret-late"+n)
	}
	slices.SortStableFunc(steps, func(a, b step) int { return int(a.at - b.at) })
	return steps
}

const storyEnd = 4 * time.Minute

func storyConfig(durability func(*Config)) func(*Config) {
	return func(c *Config) {
		durability(c)
		c.DecisionWait, c.IdleDecisionWait = 12*time.Second, 0
		c.ReorderWindow, c.Findings.UpdateInterval = 2*time.Minute, 5*time.Second
		c.Policies[0].IdleTimeout = 30 * time.Second
		c.Policies[0].Tolerance, c.Policies[0].EndGrace, c.Policies[0].RotationGrace = time.Second, time.Second, time.Second
	}
}

// life is one run of a collector, from its start on what an earlier one stored
// to a clean stop.
type life struct {
	memory *memory
	times  []time.Duration // of its writes, since the beginning of the story
	acked  []int           // by step: how many writes there were when it was
	left   []sentFinding
	blind  map[string]int64
	lost   map[string]int64
	log    []string
}

// sentFinding is a finding that left when the storage had seen so many writes.
type sentFinding struct {
	id, state string
	writes    int
}

// way is the next component of a life.
type way struct {
	consumertest.LogsSink
	take func(plog.LogRecord)
}

func (c *way) ConsumeLogs(_ context.Context, ld plog.Logs) error {
	for _, rl := range ld.ResourceLogs().All() {
		for _, record := range rl.ScopeLogs().At(0).LogRecords().All() {
			c.take(record)
		}
	}
	return nil
}

// live lets a collector run on values from one moment of the story to another,
// and sends it the steps that are not done and due.
func live(t *testing.T, config func(*Config), values map[string][]byte, from, until time.Duration, done func(i int) bool, faults ...func(op *storage.Operation) error) (l life) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		lastSpan = 0
		begin := time.Now()
		steps := story(begin)
		time.Sleep(from)
		m := newMemory(values)
		for _, f := range faults {
			m.fault = f
		}
		m.wrote = func() { l.times = append(l.times, time.Since(begin)) }
		l.memory = m
		r := newRig(t, config)
		p := newTestShared(t, r)
		next := &way{take: func(record plog.LogRecord) {
			l.left = append(l.left, sentFinding{attributeOf(record, "session_timeout.id"), attributeOf(record, "session_timeout.state"), m.writesSoFar()})
		}}
		p.open(next)
		require.NoError(t, p.start(context.Background(), m.host()))
		l.blind = blindOf(p)
		if from > 0 {
			time.Sleep(4 * time.Second) // until senders notice that it is there again
		}
		for i, s := range steps {
			l.acked = append(l.acked, math.MaxInt)
			if done(i) || s.at > until {
				continue
			}
			time.Sleep(time.Until(begin.Add(s.at)))
			var err error
			if s.isLogs {
				_, err = p.processLogs(context.Background(), s.logs)
			} else {
				_, err = p.processTraces(context.Background(), s.traces)
			}
			require.NoError(t, err)
			l.acked[i] = m.writesSoFar()
		}
		time.Sleep(time.Until(begin.Add(until)))
		l.lost = r.counts("state_lost")
		p.close(context.Background(), next)
		_ = p.stop(context.Background())
		require.Zero(t, m.open, "a client is left open")
		l.log = r.messages()
	})
	return l
}

// storedAt is what was stored after the first n writes.
func (l *life) storedAt(n int) map[string][]byte {
	values := map[string][]byte{}
	for _, ops := range l.memory.writes[:n] {
		apply(values, ops)
	}
	return values
}

// states are the findings by id, in the state that was sent last, of what left
// up to a number of writes.
func (l *life) states(into map[string]string, writes int) map[string]string {
	for _, f := range l.left {
		if f.writes <= writes {
			into[f.id] = f.state
		}
	}
	return into
}

func nothing(int) bool { return false }

// requireSame compares findings with those of a life without a restart. One
// that is taken back there may never have been sent here: evidence that came
// while it still waited.
func requireSame(t *testing.T, want, got map[string]string, message string) {
	t.Helper()
	for id, state := range want {
		if state != "retracted" || got[id] != "" {
			require.Equal(t, state, got[id], "%s: finding %s", message, id)
		}
	}
	for id := range got {
		require.Contains(t, want, id, "%s: one more", message)
	}
}

// undisturbed is the story without a restart; it must have something to lose.
func undisturbed(t *testing.T, durability func(*Config)) (life, map[string]string) {
	t.Helper()
	l := live(t, storyConfig(durability), nil, 0, storyEnd, nothing)
	want := l.states(map[string]string{}, math.MaxInt)
	kinds := map[string]int{}
	for _, state := range want {
		kinds[state]++
	}
	require.Equal(t, 18, kinds["confirmed"], kinds)
	require.Positive(t, kinds["retracted"], kinds)
	require.Len(t, kinds, 2)
	return l, want
}

// TestStops: a clean stop at any moment changes no finding, and nothing is
// blind for it.
func TestStops(t *testing.T) {
	_, want := undisturbed(t, stored)
	config := storyConfig(stored)
	for stop := 500 * time.Millisecond; stop < storyEnd-time.Minute; stop += 3 * time.Second {
		first := live(t, config, nil, 0, stop, nothing)
		second := live(t, config, first.memory.snapshot(), stop+7*time.Second, storyEnd, func(i int) bool { return first.acked[i] != math.MaxInt })
		require.Empty(t, second.blind)
		require.Empty(t, second.lost)
		requireSame(t, want, second.states(first.states(map[string]string{}, math.MaxInt), math.MaxInt), "stopped at "+stop.String())
	}
}

// TestCrashes: a crash between any two writes. Where what is acknowledged is in
// a journal nothing is lost and nothing is blind. With checkpoints alone
// nothing is found that is not so, and what is missed is missed in a time that
// is said to be blind.
func TestCrashes(t *testing.T) {
	for name, durability := range map[string]func(*Config){"acknowledged": acknowledged, "checkpoint": stored} {
		t.Run(name, func(t *testing.T) {
			config := storyConfig(durability)
			whole, want := undisturbed(t, durability)
			missed, kept, crashes := 0, 0, 0
			stride := 1
			if testing.Short() || raceEnabled {
				stride = 7
			}
			for n := 1; n < len(whole.times); n += stride {
				crashes++
				crash := whole.times[n]
				again := live(t, config, whole.storedAt(n), crash+7*time.Second, storyEnd, func(i int) bool { return whole.acked[i] <= n })
				require.Empty(t, again.lost)
				got := again.states(whole.states(map[string]string{}, n), math.MaxInt)
				message := fmt.Sprintf("crashed before write %d, at %s", n, crash)
				if name == "acknowledged" {
					require.Empty(t, again.blind, message)
					requireSame(t, want, got, message)
					continue
				}
				for id, state := range got {
					if state == "confirmed" && want[id] != state {
						// What took it back came later than decision_wait, and was lost.
						require.Equal(t, "retracted", want[id], message)
						kept++
					}
				}
				for id, state := range want {
					if state == "confirmed" && got[id] != state {
						missed++
						require.Positive(t, again.blind["crash"], "%s: %s is missed in no blind time", message, id)
					}
				}
			}
			t.Logf("%d crashes, %d writes; %d findings missed in blind times, %d not taken back", crashes, len(whole.times), missed, kept)
		})
	}
}

// TestNoRawIDsStored: what is stored holds no id as it came.
func TestNoRawIDsStored(t *testing.T) {
	whole, _ := undisturbed(t, acknowledged)
	segments := 0
	for _, ops := range whole.memory.writes {
		for _, op := range ops {
			if strings.HasPrefix(op.Key, segmentPrefix) {
				segments++
			}
			require.NotContains(t, string(op.Value), "secret-", op.Key)
			require.NotContains(t, string(op.Value), "user of", op.Key)
		}
	}
	require.Greater(t, segments, 50, "nothing to search in")
	for key := range whole.memory.values {
		require.NotRegexp(t, "^"+segmentPrefix, key, "a clean stop leaves no journal behind")
	}
}
