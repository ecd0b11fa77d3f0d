package sessiontimeout

import (
	"context"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.opentelemetry.io/otel/attribute"

	"github.com/otelcol-session/otelcol-session/internal/safestore"
)

// requireNothingFalse: what is confirmed is so without the fault, too. What was
// decided before may not be taken back by a collector that has lost it.
func requireNothingFalse(t *testing.T, want, got map[string]string, message string) {
	t.Helper()
	for id, state := range got {
		if state == "confirmed" && want[id] != "retracted" {
			require.Equal(t, "confirmed", want[id], message)
		}
	}
}

// TestDamaged: whatever is damaged, missing or from the future of what is
// stored, the collector starts, counts it, says it once, and finds nothing that
// is not so.
func TestDamaged(t *testing.T) {
	config := storyConfig(acknowledged)
	whole, want := undisturbed(t, acknowledged)
	damages := map[string]func(values map[string][]byte, key string){
		"corrupt": func(values map[string][]byte, key string) {
			value := slices.Clone(values[key])
			value[len(value)-1] ^= 0x40
			values[key] = value
		},
		"truncated": func(values map[string][]byte, key string) { values[key] = values[key][:len(values[key])/2] },
		"empty":     func(values map[string][]byte, key string) { values[key] = []byte{} },
		"missing":   func(values map[string][]byte, key string) { delete(values, key) },
	}
	seen := map[string]int{}
	for crash := 20 * time.Second; crash < 2*time.Minute; crash += 33 * time.Second {
		n := 0
		for whole.times[n] < crash {
			n++
		}
		intact := whole.storedAt(n)
		done := func(i int) bool { return whole.acked[i] <= n }
		for _, key := range slices.Sorted(maps.Keys(intact)) {
			for damage, inflict := range damages {
				values := maps.Clone(intact)
				inflict(values, key)
				again := live(t, config, values, crash+7*time.Second, storyEnd, done)
				message := damage + " " + key
				if len(again.lost) == 0 {
					// Only what no checkpoint needs any more may go unnoticed.
					seen["unnoticed "+key]++
				} else {
					require.Len(t, slices.DeleteFunc(again.log, func(m string) bool { return !strings.Contains(m, "is lost") }), 1, message)
				}
				got := again.states(whole.states(map[string]string{}, n), math.MaxInt)
				requireNothingFalse(t, want, got, message)
				// A segment that is newer than the last word on how many there are
				// cannot be missed. No storage loses just that.
				newest := damage == "missing" && strings.HasPrefix(key, segmentPrefix)
				if len(again.blind) == 0 && len(again.lost) == 0 && !newest {
					requireSame(t, want, got, message)
				}
				seen[damage]++
			}
		}
	}
	t.Log(seen)
	for damage := range damages {
		require.Greater(t, seen[damage], 20)
	}
}

// TestNotOurs: state of a newer version, or of another hash key, is not used.
func TestNotOurs(t *testing.T) {
	config := storyConfig(stored)
	first := live(t, config, nil, 0, time.Minute, nothing)
	done := func(i int) bool { return first.acked[i] != math.MaxInt }
	_, want := undisturbed(t, stored)

	other := live(t, func(c *Config) { config(c); c.SessionID.HashKey = "another key, long enough for a hash" },
		first.memory.snapshot(), 61*time.Second, storyEnd, done)
	require.Equal(t, int64(1), other.lost["other_key"], other.lost)
	for _, f := range other.left {
		require.NotContains(t, first.states(map[string]string{}, math.MaxInt), f.id)
	}

	values := first.memory.snapshot()
	newer := 0
	for key, value := range values {
		if key == "head" {
			value = slices.Clone(value)
			value[4]++
			values[key], newer = value, newer+1
		}
	}
	require.Equal(t, 1, newer)
	again := live(t, config, values, 61*time.Second, storyEnd, done)
	require.Equal(t, int64(1), again.lost["newer_version"], again.lost)
	requireNothingFalse(t, want, again.states(map[string]string{}, math.MaxInt), "newer version")
}

// TestStorageFails: with a storage that fails in any way, all the time, the
// collector starts, lets everything pass, and finds what it would find.
func TestStorageFails(t *testing.T) {
	_, want := undisturbed(t, stored)
	client := func(op *storage.Operation) error {
		if op.Key == "client" {
			return errDisk
		}
		return nil
	}
	for name, fault := range map[string]func(op *storage.Operation) error{
		"cannot be opened": client,
		"cannot be read": func(op *storage.Operation) error {
			return map[bool]error{op.Type == storage.Get && op.Key != "client": errDisk}[true]
		},
		"is full":          writesFail("", errDisk),
		"takes no journal": writesFail(segmentPrefix, errDisk),
		"takes no head":    writesFail("head", errDisk),
		"fails":            func(op *storage.Operation) error { return map[bool]error{op.Key != "client": errDisk}[true] },
		"panics opened":    func(op *storage.Operation) error { return map[bool]error{op.Key == "client": errPanic}[true] },
		"panics read":      func(op *storage.Operation) error { return map[bool]error{op.Key == "journal": errPanic}[true] },
		"panics written":   writesFail("head", errPanic),
	} {
		for durability, set := range map[string]func(*Config){"checkpoint": stored, "acknowledged": acknowledged} {
			t.Run(name+", "+durability, func(t *testing.T) {
				l := live(t, storyConfig(set), nil, 0, storyEnd, nothing, fault)
				got := l.states(map[string]string{}, math.MaxInt)
				if strings.HasPrefix(name, "panics") {
					require.Equal(t, 1, l.memory.panics, "asked again")
				}
				if slices.Contains([]string{"cannot be opened", "cannot be read", "fails", "panics opened", "panics read"}, name) {
					require.NotEmpty(t, l.lost) // what there may have been
					requireNothingFalse(t, want, got, name)
				} else {
					requireSame(t, want, got, name)
				}
				errors := 0
				for _, m := range l.log {
					if strings.HasPrefix(m, "error: ") {
						errors++
					}
				}
				require.LessOrEqual(t, errors, 6, "%s: %s", name, strings.Join(l.log, "\n"))
				if name != "takes no journal" || durability == "acknowledged" {
					require.Positive(t, errors)
				}
			})
		}
	}
}

// TestStorageHangs: a storage that answers nothing holds up the start, a batch
// and the stop for a while, and no longer.
func TestStorageHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, acknowledged)
		m.setFault(func(op *storage.Operation) error {
			if op.Key == "client" {
				return nil
			}
			return errHang
		})
		p := newTestShared(t, r)
		begin := time.Now()
		require.NoError(t, p.start(context.Background(), m.host()))
		require.LessOrEqual(t, time.Since(begin), 3*safestore.Timeout)
		for range 20 {
			begin = time.Now()
			_, err := p.processTraces(context.Background(), requestSpan("s", time.Now()))
			require.NoError(t, err)
			require.LessOrEqual(t, time.Since(begin), 4*safestore.Timeout)
		}
		begin = time.Now()
		_, err := p.processTraces(context.Background(), requestSpan("s", time.Now()))
		require.NoError(t, err)
		require.Zero(t, time.Since(begin), "the journal is suspended")
		require.Error(t, p.stop(context.Background()))
		require.LessOrEqual(t, time.Since(begin), 5*safestore.Timeout)
	})
}

// TestJournalGap: what passed while the journal took nothing is blind after a
// crash; once a checkpoint holds it, nothing is.
func TestJournalGap(t *testing.T) {
	for name, failing := range map[string]time.Duration{"up to the crash": time.Hour, "and works again": 15 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory(nil)
				r := newRig(t, acknowledged)
				p := newTestShared(t, r)
				require.NoError(t, p.start(context.Background(), m.host()))
				send := func() {
					_, err := p.processTraces(context.Background(), requestSpan("s", time.Now()))
					require.NoError(t, err)
				}
				time.Sleep(30 * time.Second)
				send()
				m.setFault(writesFail(segmentPrefix, errDisk))
				broken := time.Now()
				for time.Since(broken) < 40*time.Second {
					send()
					if time.Since(broken) > failing {
						m.setFault(nil)
					}
					time.Sleep(time.Second)
				}
				values := m.snapshot() // the crash
				m.setFault(nil)
				require.NoError(t, p.stop(context.Background()))
				require.Positive(t, r.counts("journal_writes")["failed"])

				r = newRig(t, acknowledged)
				p = newTestShared(t, r)
				require.NoError(t, p.start(context.Background(), newMemory(values).host()))
				if failing == time.Hour {
					require.Positive(t, blindOf(p)["crash"])
				} else {
					require.Empty(t, blindOf(p))
				}
				eachSeries(t, r, func(string, attribute.Set) {})
				require.NoError(t, p.stop(context.Background()))
			})
		})
	}
}

// TestSenderGivesUp: a sender that waits no longer is told so, and sends again.
func TestSenderGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, acknowledged)
		p := newTestShared(t, r)
		require.NoError(t, p.start(context.Background(), m.host()))
		m.setFault(func(*storage.Operation) error { return errHang })
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := p.processTraces(ctx, requestSpan("s", time.Now()))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		m.setFault(nil)
		time.Sleep(time.Minute)
		require.NoError(t, p.stop(context.Background()))
	})
}

// TestHashKeyUnreadable: a generated key that is there and cannot be read, or
// is not what was written, or cannot be kept, is all that keeps the processor
// from starting.
func TestHashKeyUnreadable(t *testing.T) {
	for name, m := range map[string]*memory{
		"cannot be read":   {values: map[string][]byte{}, fault: func(op *storage.Operation) error { return map[string]error{hashKeyName: errDisk}[op.Key] }},
		"cannot be opened": {values: map[string][]byte{}, fault: func(op *storage.Operation) error { return map[string]error{"client": errDisk}[op.Key] }},
		"cannot be kept":   {values: map[string][]byte{}, fault: writesFail(hashKeyName, errDisk)},
		"is damaged":       {values: map[string][]byte{hashKeyName: []byte("short")}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t, stored, func(c *Config) { c.SessionID.HashKey = "" })
			p := newTestShared(t, r)
			err := p.start(context.Background(), m.host())
			require.ErrorContains(t, err, "storage: ")
			require.ErrorContains(t, err, "hash key")
			if m.fault != nil {
				require.ErrorIs(t, err, errDisk)
			}
			require.NoError(t, p.stop(context.Background()))
			require.Zero(t, m.open)
		})
	}
}

// TestOtherVersions: state of a version that is not read any more, or not yet, is
// named as what it is. What is stored next takes its place.
func TestOtherVersions(t *testing.T) {
	m := newMemory(nil)
	r := newRig(t, stored)
	p := r.traces()
	require.NoError(t, p.Start(context.Background(), m.host()))
	require.NoError(t, p.ConsumeTraces(context.Background(), requestSpan("a", time.Now())))
	shutdown(t, p)
	for version, reason := range map[byte]string{1: "older_version", 200: "newer_version"} {
		values := m.snapshot()
		require.NotEmpty(t, values["head"])
		values["head"] = slices.Clone(values["head"])
		values["head"][4] = version
		other := newMemory(values)
		r = newRig(t, stored)
		p = r.traces()
		require.NoError(t, p.Start(context.Background(), other.host()))
		require.Equal(t, map[string]int64{reason: 1}, r.counts("state_lost"), r.messages())
		shutdown(t, p)
		r = newRig(t, stored)
		p = r.traces()
		require.NoError(t, p.Start(context.Background(), other.host()))
		require.Empty(t, r.counts("state_lost"), r.messages())
		shutdown(t, p)
	}
}
