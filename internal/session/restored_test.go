package session

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// atRest is what e would store with its sessions in their entries and its turns counted
// from 0, but for chunks of which nothing is left, what names all chunks, and what may be
// known or not: that a name has to be kept, and what waits of a request that nothing governs.
func atRest(e *Engine, now int64) stored {
	e.eachTimeline(func(t *timeline) { t.deferred = false })
	e.each(func(l *shard) {
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if r := l.recent.at(p); r.policy == fact.NoPolicy {
				r.state &^= deferred | afterGap
			}
		}
	})
	(&restorer{e: e}).orderDirty()
	e.compactAll()
	s := everything(e, now)
	maps.DeleteFunc(s, func(key string, chunk []byte) bool { return key == manifestKey || len(chunk) <= wire.Header })
	return s
}

// unlike returns the first chunk, of such kinds, that two do not have alike.
func unlike(a, b stored, of func(kind string) bool) (key string) {
	keys := slices.Concat(slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b)))
	for _, key := range keys {
		if kind, _, _ := strings.Cut(key, "/"); of(kind) && !bytes.Equal(a[key], b[key]) {
			return key
		}
	}
	return ""
}

// longGaps is how many silences are said to be yet to be measured, but for those that are.
func longGaps(e *Engine) (n int) {
	e.each(func(l *shard) {
		for p := l.recent.oldest(); p < l.recent.next; p++ {
			if r := l.recent.at(p); r.policy != fact.NoPolicy && r.state&(afterGap|decided) == afterGap {
				n--
			}
		}
		for _, gaps := range l.stats.longGaps {
			n += int(gaps)
		}
	})
	return n
}

// TestRestoredIsTheSame: a restored engine would store what was stored, and what it counts
// adds up. Suspects and closed findings have new numbers first, and users once those whom nobody shows are gone.
func TestRestoredIsTheSame(t *testing.T) {
	noGoroutine(t)
	since := map[string]int{"suspects": 1, "findings": 1, "closed": 1, "users": 2}
	for seed := range max(histories/500, 200) {
		h := seededHistory(firstSeed+seed, sessiontest.AnyOrder)
		e, now := New(h.config()), sessiontest.Epoch
		for i := range h.Steps[:len(h.Steps)*int(1+seed%4)/4] {
			now = h.Steps[i].Now
			doStep(&h.Steps[i], e)
		}
		whole := everything(e, now)
		was := atRest(e, now)
		for i := range 3 {
			next, why := whole.restored(h.config(), now)
			if why == "" {
				why = auditWork(next)
			}
			if gaps := longGaps(next); why == "" && gaps != 0 {
				why = fmt.Sprintf("%d silences too many are yet to be measured", gaps)
			}
			if why != "" {
				t.Fatalf("seed %d, restored %d times: %s", firstSeed+seed, i+1, why)
			}
			whole = everything(next, now)
			is := atRest(next, now)
			if key := unlike(was, is, func(kind string) bool { return i >= since[kind] }); key != "" {
				t.Fatalf("seed %d, restored %d times: %s is\n%q, not\n%q", firstSeed+seed, i+1, key, is[key], was[key])
			}
			was = is
		}
	}
}
