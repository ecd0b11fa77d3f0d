package session

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// update writes what this version stores: go test -run TestGolden -update. What
// an older version wrote is never written again.
var update = flag.Bool("update", false, "write the golden checkpoint of this version")

// goldenBefore is what an engine was told whose state is kept in testdata, and
// goldenAfter what an engine is told that goes on with it. The letters are
// sessions: a was ended, b was rotated to c, d shows a user whose sessions were
// ended, e and f are silent for too long: what comes of e has been sent, what
// comes of f still waits. g to p are nothing but activity. q is evicted.
const (
	goldenBefore = `
config wait=10s window=1m update=1m
policy p0 idle=2m absolute=10m tolerance=1s end=2s rotation=3s
policy p1 idle=20m end=2s
q request at=0s
r request at=0.2s
a started at=1s user=u1
a ended at=3s api
b started at=1s
b request at=2s user=u2 id=1/1
c rotated from=b at=3s
d started at=1s user=u2
d authenticated at=4s user=u2
e started at=5s
f started at=5s
g request at=6s id=2/1
h request at=6s p1 id=3/1 log
i request at=6s indeterminate
j request at=6s rejected
k activity at=6s
l request at=6s presented
m request at=6s consumer id=4/1
n request exempt at=6s..9s id=5/1
n request at=7s id=5/2
o request at=6s passive
p request at=6s..8s stream
now=10s advance
now=11s blind 0s..0.5s crash
- ended_user at=20s user=u2
e request at=150s id=6/1
now=161s advance
now=400s advance
g request at=400s id=7/1
e request at=401s id=8/1
f request at=402s id=9/1
a request at=403s id=10/1
`
	goldenAfter = `
now=404s a request at=404s id=11/1
now=405s b request at=405s id=12/1
now=406s c request at=406s id=13/1
now=407s d request at=407s id=14/1
now=408s f authenticated at=300s user=u3
now=409s h request at=409s p1 id=3/1
now=410s q ended at=20s
now=410s q request at=410s id=15/1
now=410s r request at=410s id=16/1
now=411s g request at=7s id=2/1
now=500s advance
`
)

// goldenWants is what is found: what waited is confirmed, or cleared, the ends of
// sessions and of users hold, what was rotated leads to what it was, the revisions
// of what had been sent go on.
var goldenWants = []string{
	"rev=1 a ended confirmed p0 web at=6m43s overrun=6m38s expired=5s n=2 first=6m43s last=6m44s origin=1s activity=never id=10/1 by=api known user=u1 GET/a",
	"rev=1 b rotated confirmed p0 web at=6m45s overrun=6m39s expired=6s n=1 first=6m45s last=6m45s origin=1s activity=never id=12/1 by=web known user=u2 GET/b",
	"rev=1 c revoked confirmed p0 web at=6m46s overrun=6m24s expired=22s n=1 first=6m46s last=6m46s origin=1s activity=never id=13/1 by=web known user=u2 GET/c",
	"rev=1 d revoked confirmed p0 web at=6m47s overrun=6m25s expired=22s n=1 first=6m47s last=6m47s origin=4s activity=never id=14/1 by=web known user=u2 GET/d",
	"rev=1 g idle_timeout confirmed p0 web at=6m40s overrun=4m34s expired=2m6s n=1 first=6m40s last=6m40s origin=6s activity=6s id=7/1 unknown GET/g",
	"rev=1 r idle_timeout inconclusive p0 web at=6m50s overrun=4m49.8s expired=2m0.2s n=1 first=6m50s last=6m50s origin=200ms activity=200ms id=16/1 reason=crash unknown GET/r",
	"rev=2 e idle_timeout confirmed p0 web at=2m30s overrun=25s expired=2m5s n=2 first=2m30s last=6m41s origin=5s activity=5s id=6/1 known GET/e",
}

// goldenLeft had been decided when the checkpoint began. Version 2 stored it; since then
// it is in the hands of whoever begins one.
const goldenLeft = "rev=1 e idle_timeout confirmed p0 web at=2m30s overrun=25s expired=2m5s n=1 first=2m30s last=2m30s origin=5s activity=5s id=6/1 known GET/e"

// What is found of the session that was evicted: from version 3 on tombstones say
// what it was like, before that only that it was.
const (
	goldenDoubted = "rev=1 q ended inconclusive p0 web at=6m50s overrun=6m28s expired=22s n=1 first=6m50s last=6m50s origin=6m50s activity=never id=15/1 reason=evicted by=web unknown GET/q"
	goldenVouched = "rev=1 q ended confirmed p0 web at=6m50s overrun=6m28s expired=22s n=1 first=6m50s last=6m50s origin=1s activity=never id=15/1 by=web unknown GET/q"
)

func goldenConfig(h *sessiontest.History) Config {
	cfg := engineConfig(h.Config)
	cfg.MaxSessions, cfg.KeyID = 20, [16]byte{1, 2, 3}
	return cfg
}

func tellGolden(h *sessiontest.History, e *Engine) {
	for i := range h.Steps {
		s := h.Steps[i]
		if s.Verb == sessiontest.Observe && s.Fact.Kind == fact.Request {
			s.Fact.Details = fact.Details{Method: "GET", Route: "/" + s.Fact.Session.Raw, Status: 200}
		}
		doStep(&s, e)
	}
}

// writeGolden writes what two checkpoints have stored of an engine, the second
// only what had changed.
func writeGolden(t *testing.T, name string) {
	t.Helper()
	h := sessiontest.MustParse(goldenBefore)
	e, s := New(goldenConfig(h)), stored{}
	write := func(now int64) {
		c := beginPass(e, now)
		for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
			s[key] = value
		}
		c.Commit()
		s.forget(c.Needless(), 0)
	}
	split := len(h.Steps) - 6
	early := *h
	early.Steps = h.Steps[:split]
	tellGolden(&early, e)
	e.takeFindings()
	e.evict(e.get(sessiontest.SessionName('q'-'a').ID), early.Steps[split-1].Now, EvictedLimit)
	write(early.Steps[split-1].Now)
	early.Steps = h.Steps[split:]
	tellGolden(&early, e)
	write(h.Steps[len(h.Steps)-1].Now)
	text, err := json.MarshalIndent(s, "", "\t")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(filepath.Dir(name), 0o755))
	require.NoError(t, os.WriteFile(name, append(text, '\n'), 0o644))
}

// requireWritten: the first checkpoint leaves nothing of an older version, and an
// engine that is made of it has all that e has.
func requireWritten(t *testing.T, e *Engine, s stored, now int64) {
	t.Helper()
	c := beginPass(e, now)
	for key, value, ok := c.Next(nil); ok; key, value, ok = c.Next(nil) {
		s[key] = value
	}
	c.Commit()
	s.forget(c.Needless(), 0)
	for key, value := range s {
		require.EqualValues(t, wire.Version, value[4], key)
	}
	again, why := s.restored(e.cfg, now)
	require.Empty(t, why)
	require.Equal(t, everything(e, now), everything(again, now))
}

// TestGolden: an engine goes on with what each version that it reads has stored.
func TestGolden(t *testing.T) {
	defer asShipped()() // as it was written
	if *update {
		writeGolden(t, fmt.Sprintf("testdata/stored/%d.json", wire.Version))
	}
	files, err := filepath.Glob("testdata/stored/*.json")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			var s stored
			require.NoError(t, json.Unmarshal(text, &s))
			h := sessiontest.MustParse(goldenBefore + goldenAfter)
			cfg := goldenConfig(h)
			now := sessiontest.Epoch + int64(403*time.Second)
			e, res, err := Restore(cfg, s.get, now)
			require.NoError(t, err)
			require.Empty(t, res.Lost)
			sessions := 16
			if filepath.Base(name) == "2.json" {
				sessions-- // an exempt request opened none
			}
			require.Equal(t, Restored{Found: true, At: now, Sessions: sessions}, res)
			require.Equal(t, 4, e.pending())
			requireWritten(t, e, maps.Clone(s), now)
			before := len(sessiontest.MustParse(goldenBefore).Steps)
			after := *h
			after.Steps = h.Steps[before:]
			tellGolden(&after, e)
			var found []string
			for _, f := range e.takeFindings() {
				found = append(found, fmt.Sprintf("rev=%d %s", f.Revision, h.FindingText(&f)))
			}
			slices.Sort(found)
			wants := append(slices.Clone(goldenWants), goldenVouched)
			if filepath.Base(name) == "2.json" {
				wants[len(wants)-1] = goldenDoubted
				wants = append(wants, goldenLeft)
			}
			slices.Sort(wants)
			require.Equal(t, wants, found)
		})
	}
}
