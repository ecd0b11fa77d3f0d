package session

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// floods are what a client or a broken service may send without end.
var floods = []struct {
	name string
	make func(d *rand.Rand, i uint64, f *fact.Fact)
}{
	{"new sessions", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Session = fact.Name{ID: fact.ID{7, i + 1}, Raw: "s" + strconv.FormatUint(i, 10)}
	}},
	{"rotations of one", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, new(sessiontest.SessionName(0)), fact.Name{ID: fact.ID{7, i + 1}, Raw: "new"}
	}},
	{"rotations between two", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, new(sessiontest.SessionName(int(i%2))), sessiontest.SessionName(int(i+1)%2)
	}},
	{"a long chain", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous, f.Session = fact.Rotated, &fact.Name{ID: fact.ID{7, i + 1}, Raw: "old"}, fact.Name{ID: fact.ID{7, i + 2}, Raw: "new"}
	}},
	{"rotations onto one at one instant", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Previous = fact.Rotated, &fact.Name{ID: fact.ID{7, i + 1}, Raw: "old"}
		f.Start, f.End, f.At = sessiontest.Epoch, sessiontest.Epoch, sessiontest.Epoch
	}},
	{"logins", func(_ *rand.Rand, _ uint64, f *fact.Fact) { f.Kind = fact.Authenticated }},
	{"ends", func(_ *rand.Rand, _ uint64, f *fact.Fact) { f.Kind = fact.Ended }},
	{"ends, each before the others", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.Start = fact.Ended, f.Start-2*int64(i)*int64(time.Second)
		f.End, f.At = f.Start, f.Start
	}},
	{"ends of users", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Kind, f.User = fact.EndedUser, fact.Name{ID: fact.ID{i%1000 + 1, 8}, Raw: "u"}
	}},
	{"users of one session", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.User = fact.Name{ID: fact.ID{i + 1, 8}, Raw: "u" + strconv.FormatUint(i, 10)}
	}},
	{"silences", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Start += int64(i) * int64(time.Minute)
		f.End, f.At = f.Start, f.Start
	}},
	{"one trace", func(_ *rand.Rand, i uint64, f *fact.Fact) { f.Trace[0], f.Span = 1, [8]byte{1, byte(i), byte(i >> 8)} }},
	{"one trace, each around the others", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Trace[0], f.Span = 1, [8]byte{1, byte(i), byte(i >> 8)}
		f.Start -= 2 * int64(i) * int64(time.Second)
		f.At = f.Start
	}},
	{"one span", func(d *rand.Rand, _ uint64, f *fact.Fact) {
		f.Trace[0], f.Span[0], f.End = 1, 1, f.End+d.Int64N(int64(time.Second))
	}},
	{"services", func(_ *rand.Rand, i uint64, f *fact.Fact) {
		f.Resource = &fact.Resource{ServiceName: "s" + strconv.FormatUint(i%1000, 10), ServiceInstance: "x"}
	}},
	{"anything", func(d *rand.Rand, _ uint64, f *fact.Fact) {
		f.Kind, f.Outcome = fact.Kind(d.IntN(int(fact.KindCount))), fact.Outcome(d.IntN(3))
		f.Session, f.Previous, f.User = fact.Name{ID: fact.ID{7, d.Uint64N(1000) + 1}, Raw: "s"}, &fact.Name{ID: fact.ID{7, d.Uint64N(1000) + 1}, Raw: "s"}, fact.Name{ID: fact.ID{d.Uint64N(1000) + 1, 8}, Raw: "u"}
		f.Trace[0], f.Span[0] = byte(d.IntN(3)), byte(d.IntN(200))
		f.Start -= d.Int64N(int64(time.Minute))
		f.At = f.Start
	}},
}

// TestBounded: memory, and the work for one fact, are bounded whatever arrives.
func TestBounded(t *testing.T) {
	noGoroutine(t)
	const few, many = 5_000, 15_000
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: 10 * time.Second, AbsoluteTimeout: time.Minute, Tolerance: time.Second}}
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices, cfg.Retention = 200, 1000, 8, time.Hour
	for _, flood := range floods {
		t.Run(flood.name, func(t *testing.T) {
			d := rand.New(rand.NewPCG(firstSeed, 0))
			e := New(cfg)
			heap := func() uint64 {
				var m runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&m)
				return m.HeapAlloc
			}
			var before uint64
			for i := range uint64(many) {
				at := sessiontest.Epoch + int64(i)*int64(time.Second)
				f := fact.Fact{Session: sessiontest.SessionName(0), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"]}
				if flood.make(d, i, &f); i%3 == 0 && f.Kind != fact.EndedUser {
					f.Kind = fact.Request
				}
				f.Session.Raw = fmt.Sprint(f.Session.ID) // no two ids have one pseudonym
				now := max(at, f.End)
				spent := e.workDone()
				e.observe(&f, now)
				require.LessOrEqual(t, e.workDone()-spent, uint64(workOfFact))
				if i%64 == 0 {
					e.advance(now)
					e.takeFindings()
					e.takeMeasured()
					e.forgetPointers()
				}
				if i == few {
					before = heap()
				}
			}
			after := heap()
			t.Logf("%d units for each fact, %d KiB", e.workDone()/many, after>>10)
			if runtime.KeepAlive(e); after > before+512<<10 {
				t.Errorf("%d KiB after %d facts, %d KiB after %d", before>>10, few, after>>10, many)
			}
		})
	}
}
