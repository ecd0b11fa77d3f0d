package session

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// TestDamage: whatever becomes of a chunk, the rest is restored, what is lost is
// named, and nothing is found that is not so by all the facts.
func TestDamage(t *testing.T) {
	var lost, found atomic.Int64
	sampled(t, histories/20, func(seed uint64) *trial {
		h := seededHistory(seed, sessiontest.InWindow)
		h.restarts = seed + 1
		return h
	}, func(h *trial) string {
		d := rand.New(rand.NewPCG(h.restarts, 3))
		e, half := New(h.config()), d.IntN(len(h.Steps)+1)
		now := sessiontest.Epoch
		tell := func(steps []sessiontest.Step) {
			for i := range steps {
				now = steps[i].Now
				doStep(&steps[i], e)
			}
		}
		if speaksOfEarlier(h.Steps, half) {
			return ""
		}
		tell(h.Steps[:half])
		s := everything(e, now)
		keys := slices.DeleteFunc(slices.Sorted(maps.Keys(s)), func(k string) bool { return k == manifestKey })
		if len(keys) == 0 {
			return ""
		}
		key := keys[d.IntN(len(keys))]
		chunk, reason := bytes.Clone(s[key]), ""
		switch d.IntN(4) {
		case 0:
			delete(s, key)
			reason = "missing"
		case 1:
			s[key], reason = chunk[:d.IntN(len(chunk))], "truncated"
		case 2:
			chunk[4]++
			s[key], reason = chunk, "newer_version"
		case 3:
			chunk[len(chunk)-1-d.IntN(len(chunk)-10)] ^= 1 << d.IntN(8)
			s[key], reason = chunk, "corrupt"
		}
		e, res, err := Restore(h.config(), s.get, now)
		if want := []LostChunk{{key, reason}}; err != nil || !slices.Equal(res.Lost, want) {
			return fmt.Sprintf("lost %v %v, want %v", res.Lost, err, want)
		}
		lost.Add(1)
		e.takeFindings() // what was found before is so
		tell(h.Steps[half:])
		final := map[uint64]fact.Finding{}
		for range 3 {
			now += int64(h.Config.DecisionWait) + int64(h.Config.UpdateInterval)
			e.advance(now)
			for _, f := range e.takeFindings() {
				final[f.ID] = f
			}
		}
		facts, blinds := h.Arrivals()
		type violation struct {
			session fact.Pseudonym
			policy  int
			service string
		}
		truth := map[violation]bool{}
		for _, f := range sessiontest.Reference(h.Config, blinds, facts) {
			truth[violation{f.Session, f.Policy, f.Resource.ServiceName}] = true
		}
		for _, f := range final {
			if f.State == fact.Confirmed && !truth[violation{f.Session, f.Policy, f.Resource.ServiceName}] {
				return fmt.Sprintf("after %d steps, %s %s: %s", half, key, reason, h.FindingText(&f))
			}
			if f.State == fact.Confirmed {
				found.Add(1)
			}
		}
		return ""
	})
	t.Logf("%d chunks lost, %d findings confirmed behind", lost.Load(), found.Load())
}

// speaksOfEarlier reports whether a step from n on says that one before it was
// something else. What it speaks of may be lost: it is as far out of reach then
// as what max_recent_requests has displaced.
func speaksOfEarlier(steps []sessiontest.Step, n int) bool {
	for i := n; i < len(steps); i++ {
		f := &steps[i].Fact
		for j := range n {
			if g := &steps[j].Fact; f.Kind != fact.EndedUser && f.Session.ID == g.Session.ID && sessiontest.HasBothIDs(f) && f.Trace == g.Trace {
				return true
			}
		}
	}
	return false
}

// TestHeads: a manifest decides whether anything is restored at all.
func TestHeads(t *testing.T) {
	h := seededHistory(7, sessiontest.InWindow)
	e := run(h, false).engine
	s := everything(e, sessiontest.Epoch)
	restore := func(cfg Config, damage func(stored)) (*Engine, Restored, error) {
		c := maps.Clone(s)
		c[manifestKey] = bytes.Clone(c[manifestKey])
		damage(c)
		return Restore(cfg, c.get, sessiontest.Epoch+1)
	}
	if _, res, err := restore(h.config(), func(s stored) { delete(s, manifestKey) }); err != nil || res.Found {
		t.Errorf("no head: %v %v", res, err)
	}
	if _, _, err := restore(h.config(), func(s stored) { s[manifestKey][4]++ }); !errors.Is(err, wire.ErrNewer) {
		t.Errorf("newer version: %v", err)
	}
	if _, _, err := restore(h.config(), func(s stored) { s[manifestKey][4] = wire.Oldest - 1 }); !errors.Is(err, wire.ErrOlder) {
		t.Errorf("older version: %v", err)
	}
	other := h.config()
	other.KeyID[3]++
	if _, _, err := restore(other, func(stored) {}); !errors.Is(err, ErrOtherKey) {
		t.Errorf("another key: %v", err)
	}
	e, res, err := restore(h.config(), func(s stored) { s[manifestKey][20]++ })
	if err != nil || !res.Found || !slices.Equal(res.Lost, []LostChunk{{manifestKey, "corrupt"}}) || e.sessions() != 0 {
		t.Errorf("corrupt: %v %v", res, err)
	}
	if e.restarted != sessiontest.Epoch+1 || e.tombstones.oldestKnown != sessiontest.Epoch+1 {
		t.Error("nothing is doubted after all was lost")
	}
	failing := errors.New("read-only")
	if _, _, err := Restore(h.config(), func(string) ([]byte, error) { return nil, failing }, 0); !errors.Is(err, failing) {
		t.Errorf("failing storage: %v", err)
	}
	e, res, err = restore(h.config(), func(stored) {})
	if err != nil || len(res.Lost) > 0 || res.Sessions == 0 || res.Sessions != e.sessions() || res.At != sessiontest.Epoch {
		t.Errorf("whole: %v %v", res, err)
	}
}

// TestNoRawID: nothing that is stored holds a raw id.
func TestNoRawID(t *testing.T) {
	secret := "secret-of-a-session"
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0"}}
	cfg.Pseudonym = func(string) fact.Pseudonym { return fact.Pseudonym{7} }
	e := New(cfg)
	f := fact.Fact{Session: fact.Name{ID: fact.ID{1, 1}, Raw: secret}, User: fact.Name{ID: fact.ID{2, 1}, Raw: secret}, Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"]}
	e.observe(&f, sessiontest.Epoch)
	f.Kind, f.Previous, f.Session.ID = fact.Rotated, new(f.Session), fact.ID{1, 2}
	e.observe(&f, sessiontest.Epoch)
	s := everything(e, sessiontest.Epoch)
	s["journal"] = fact.Append(nil, &f, sessiontest.Epoch, cfg.pseudonym)
	for key, value := range s {
		if bytes.Contains(value, []byte(secret)) {
			t.Errorf("%s holds a raw id", key)
		}
	}
}

// TestPoliciesByName: policies are known by their names, wherever they stand now.
// One that is gone governs nothing any more.
func TestPoliciesByName(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "gone", IdleTimeout: second}, {Name: "kept", IdleTimeout: second}, {Name: "other", IdleTimeout: second}}
	e := New(cfg)
	for i := range cfg.Policies {
		for n := range int64(3) {
			at := sessiontest.Epoch + n*10*int64(second)
			f := fact.Fact{Session: sessiontest.SessionName(i), Start: at, End: at, At: at, Policy: uint8(i), Resource: sessiontest.Resources["web"], Trace: [16]byte{1}, Span: [8]byte{byte(i), byte(n)}}
			e.observe(&f, at)
			if n == 1 {
				e.advance(at + int64(cfg.DecisionWait))
			}
		}
	}
	now := sessiontest.Epoch + 20*int64(second)
	cfg.Policies = []Policy{{Name: "new", IdleTimeout: second}, {Name: "other", IdleTimeout: second}, {Name: "kept", IdleTimeout: second}}
	e, why := everything(e, now).restored(cfg, now)
	if why != "" {
		t.Fatal(why)
	}
	e.advance(now + int64(cfg.DecisionWait+cfg.UpdateInterval))
	last := map[string]fact.Finding{}
	for _, f := range e.takeFindings() {
		last[cfg.Policies[f.Policy].Name+" "+sessiontest.RawOf(f.Session)] = f
	}
	if got := strings.Join(slices.Sorted(maps.Keys(last)), ", "); got != "kept b, other c" {
		t.Errorf("findings of %q", got)
	}
	if f := last["kept b"]; f.Requests != 2 || f.Revision != 2 {
		t.Errorf("%d requests, revision %d", f.Requests, f.Revision)
	}
	if e.pending() != 0 {
		t.Errorf("%d pending", e.pending())
	}
	if a := e.get(sessiontest.SessionName(0).ID); a.policies != 0 || a.policy != fact.NoPolicy {
		t.Error("a policy that is gone governs a session")
	}
}

// TestOtherLimits: what does not fit is evicted, and the newest records stay.
func TestOtherLimits(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	cfg.MaxSessions, cfg.MaxRecentRequests = 20, 100
	e := New(cfg)
	for i := range int64(150) {
		at := sessiontest.Epoch + i*int64(second)
		f := fact.Fact{Session: sessiontest.SessionName(int(i % 15)), Start: at, End: at, At: at, Resource: sessiontest.Resources["web"], Trace: [16]byte{byte(i)}, Span: [8]byte{1}}
		f.Details.Path = sessiontest.InstantText(at)
		e.observe(&f, at)
	}
	now := sessiontest.Epoch + 150*int64(second)
	s := everything(e, now)
	for _, limit := range []struct{ sessions, records int }{{5, 100}, {20, 10}, {5, 10}, {100, 1000}, {1, 1}} {
		cfg.MaxSessions, cfg.MaxRecentRequests = limit.sessions, limit.records
		e, why := s.restored(cfg, now)
		if why != "" {
			t.Fatal(why)
		}
		if want := min(limit.sessions, 15); e.sessions() != want || int(e.counters().Evicted(EvictedLimit)) != 15-want {
			t.Errorf("%+v: %d sessions, %d evicted", limit, e.sessions(), e.counters().Evicted(EvictedLimit))
		}
		for i := range 15 {
			id := sessiontest.SessionName(i).ID
			if e.shardOf(id).sessions.find(id) == compact.NoSlot && !(e.tombstones.known(id) || e.tombstones.oldestKnown > sessiontest.Epoch+int64(135+i)*int64(second)) {
				t.Errorf("%+v: session %d has neither a place nor a tombstone", limit, i)
			}
		}
		for p := e.shards[0].recent.oldest(); p < e.shards[0].recent.next; p++ {
			r := e.shards[0].recent.at(p)
			there := p > 150-uint64(min(limit.records, 100))
			if r.position != p || there != (r.kind == fact.Request) || there && e.shards[0].recent.details.get(r.details).Path != sessiontest.InstantText(r.At) {
				t.Fatalf("%+v: record %d: %+v", limit, p, r)
			}
		}
		// It goes on.
		for i := range int64(2000) {
			at := now + i*int64(second)/10
			f := fact.Fact{Session: sessiontest.SessionName(int(i % 26)), Start: at, End: at, At: at, Resource: sessiontest.Resources["api"], Trace: [16]byte{byte(i)}, Span: [8]byte{2}}
			e.observe(&f, at)
			if i%50 == 0 {
				e.advance(at)
			}
		}
	}
}

// TestLostIsDoubted: what a lost chunk may have said is in doubt, of sessions that
// are known and of those that may have been.
func TestLostIsDoubted(t *testing.T) {
	defer fewerSessions(1)()
	cfg := historyConfig()
	cfg.Policies = []Policy{{Name: "p0", IdleTimeout: time.Hour}}
	e := New(cfg)
	for i := range 3 {
		f := fact.Fact{Session: sessiontest.SessionName(i), Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"]}
		if e.observe(&f, sessiontest.Epoch); i == 2 {
			f.Kind, f.Previous = fact.Rotated, new(sessiontest.SessionName(0))
			e.observe(&f, sessiontest.Epoch)
		}
	}
	now := sessiontest.Epoch + int64(second)
	whole := everything(e, now)
	for lost, doubted := range map[string][3]bool{
		// Two sessions make a range, and the last was rotated from the first.
		"sessions/0/00000/0": {true, true, true},
		"sessions/0/00001/0": {false, false, true},
		"recent/0/00000/0":   {true, true, true},
		"services/0/00000/0": {true, true, true},
	} {
		s := maps.Clone(whole)
		delete(s, lost)
		e, _, err := Restore(cfg, s.get, now)
		if err != nil || e.restarted != now || e.tombstones.oldestKnown != now || e.authenticated != ^uint64(0) {
			t.Errorf("without %s: restarted %d %v", lost, e.restarted, err)
		}
		for i, want := range doubted {
			f := fact.Fact{Kind: fact.Activity, Session: sessiontest.SessionName(i), Start: now, End: now, At: now, Resource: sessiontest.Resources["web"]}
			e.observe(&f, now)
			if got := e.get(f.Session.ID).unknownBefore == now; got != want {
				t.Errorf("without %s session %d is in doubt: %v", lost, i, got)
			}
		}
	}
}

// TestUserEndsAreForgotten: the ends of a user are forgotten after a restart as
// they were before, though it be lost when they came.
func TestUserEndsAreForgotten(t *testing.T) {
	cfg := historyConfig()
	cfg.Policies, cfg.Retention = []Policy{{Name: "p0"}}, time.Hour
	e := New(cfg)
	f := fact.Fact{Kind: fact.EndedUser, User: sessiontest.UserName(0), Start: sessiontest.Epoch, End: sessiontest.Epoch, At: sessiontest.Epoch, Resource: sessiontest.Resources["web"]}
	e.observe(&f, sessiontest.Epoch)
	for _, lose := range []bool{false, true} {
		if lose {
			e.users.ended[f.User.ID] = endsOfUser{ends: e.users.ends(f.User.ID)}
		}
		e, why := everything(e, sessiontest.Epoch).restored(cfg, sessiontest.Epoch)
		if why != "" || len(e.users.ended) != 1 || e.users.count != 1 {
			t.Fatalf("%d users ended, %d names %s", len(e.users.ended), e.users.count, why)
		}
		e.advance(sessiontest.Epoch + int64(time.Hour))
		if len(e.users.ended) != 1 {
			t.Error("forgotten too soon")
		}
		e.advance(sessiontest.Epoch + int64(time.Hour) + 1)
		if len(e.users.ended)+e.users.came.Len()+e.users.count != 0 {
			t.Error("not forgotten")
		}
	}
}
