package advice

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestEndsOverTime: sessions end long after their last request, over hours, in a shop with
// few visitors and in one with many: an end that a request knows is never said to be of
// nobody, and others are, with how their ids differ as far as the few that are looked at
// can tell.
func TestEndsOverTime(t *testing.T) {
	for _, tt := range []struct {
		name   string
		visits int // a minute
		end    func(id string) string
		want   []string
	}{
		{"few", 3, func(id string) string { return id }, nil},
		{"few, others", 3, func(id string) string { return "x" + id[1:] }, []string{"ends_unknown:ends: letters and digits of 32", "ends_unknown:requests: hexadecimal of 32"}},
		{"few, in lower case", 3, strings.ToLower, []string{"ends_unknown:case"}},
		{"many", 250, func(id string) string { return id }, nil},
		{"many, others", 250, func(id string) string { return "x" + id[1:] }, []string{"ends_unknown:ends: letters and digits of 32", "ends_unknown:requests: hexadecimal of 32"}},
		{"many, in lower case", 250, strings.ToLower, []string{"ends_unknown:case"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const idle, hours = 30, 4
				r := newRig(t, Config{Idle: true, IdleLimit: idle * time.Minute})
				id := func(minute, visit int) string {
					return fmt.Sprintf("5F2B8E0C9A7D4413B6E1A0C2%04X%04X", 1000+minute, visit)
				}
				said := map[string]int{}
				for minute := range hours * 60 {
					td := ptrace.NewTraces()
					for visit := range tt.visits {
						server("shop", attributes{"session.id": id(minute, visit), "user.id": id(minute, visit)}).ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
					}
					r.spans(td)
					for visit := range tt.visits { // also of those whose requests came before
						r.logs(event("session.end", attributes{"session.id": tt.end(id(minute-idle, visit))}))
					}
					time.Sleep(time.Minute)
					r.counts.Ends, r.counts.Logins = 1, 1
					for _, a := range r.advisor.Advise(&r.counts) {
						if a.Code == EndsUnknown {
							said[a.Code.String()+":"+a.Name] = minute
						}
					}
				}
				var last []string
				for what, minute := range said {
					if tt.want == nil || minute == hours*60-1 {
						last = append(last, what)
					}
				}
				require.ElementsMatch(t, tt.want, last)
				require.LessOrEqual(t, len(r.advisor.ids.now.ends), mostEnds)
			})
		})
	}
}

// TestWatchIsCheap: where many sessions come, few of them are looked at.
func TestWatchIsCheap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		for second := range 30 {
			sessionsOf(r, second*1500, 1500)
			time.Sleep(time.Second)
		}
		w := r.advisor.ids
		require.LessOrEqual(t, w.noted, mostNoted)
		require.Less(t, w.now.named.n, 30*mostNoted)
		require.Greater(t, w.now.named.n, 1000)
	})
}

// sessionsOf are as many, from the first on, with a request each.
func sessionsOf(r *rig, from, n int) {
	td := ptrace.NewTraces()
	for i := range n {
		server("shop", attributes{"session.id": fmt.Sprintf("session-%d", from+i)}).ResourceSpans().MoveAndAppendTo(td.ResourceSpans())
	}
	r.spans(td)
}

// TestClasses: of a session that is not looked at only the larger one is, if that is.
func TestClasses(t *testing.T) {
	w := newIDWatch(&Config{Linked: true})
	w.mask.Store(1)
	w.note(&extract.Batch{Facts: []fact.Fact{
		{Session: fact.Name{ID: fact.ID{1}, Raw: "odd"}, Linked: &fact.Name{ID: fact.ID{2}, Raw: "even"}},
		{Session: fact.Name{ID: fact.ID{4}, Raw: "whole"}, Linked: &fact.Name{ID: fact.ID{5}, Raw: "part"}},
	}})
	named := func(id string) bool { return w.now.named.has(w.differ.hash.of(id)) }
	require.Equal(t, []bool{false, true, true, false}, []bool{named("odd"), named("even"), named("whole"), named("part")})
}

// TestChance: where few sessions are looked at, one end that has the form of another id
// is no proof of how they differ.
func TestChance(t *testing.T) {
	d := &differ{hash: newHasher()}
	for hits, want := range [][]string{1: {"ends: hexadecimal of 4", "requests: hexadecimal of 4"}, 2: {"case"}} {
		s := &ids{}
		for i := range 20 {
			s.request(d, fmt.Sprintf("AB%02X", i))
			s.end(d, fmt.Sprintf("cd%02x", i))
		}
		for i := range hits {
			s.end(d, fmt.Sprintf("ab%02x", i))
		}
		_, _, how := both{s}.unknownEnds(32)
		if want != nil {
			require.Equal(t, want, how)
		}
	}
}

// TestConcurrent: batches are looked at side by side, while somebody asks.
func TestConcurrent(t *testing.T) {
	r := newRig(t, Config{Absolute: true})
	var feeders sync.WaitGroup
	for feeder := range 4 {
		td := server("shop", attributes{"session.id": fmt.Sprintf("s%d", feeder), "user.id": "u"})
		ld := event("session.end", attributes{"session.id": fmt.Sprintf("s%d", feeder)})
		feeders.Go(func() {
			for range 1000 {
				var spans, records extract.Batch
				r.extractor.Traces(td, &spans)
				r.advisor.Traces(td, &spans)
				r.extractor.Logs(ld, &records)
				r.advisor.Logs(ld, &records)
			}
		})
	}
	for range 100 {
		r.advisor.Advise(&Counts{})
	}
	feeders.Wait()
}
