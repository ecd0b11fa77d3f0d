package session

import (
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// FuzzRestore gives Restore any bytes: it never panics, and neither does the
// engine that it makes.
func FuzzRestore(f *testing.F) {
	for seed := range uint64(4) {
		h := seededHistory(seed, sessiontest.AnyOrder)
		s := everything(run(h, false).engine, sessiontest.Epoch)
		for key, value := range s {
			f.Add(key, value[min(wire.Header, len(value)):])
		}
	}
	base := seededHistory(7, sessiontest.AnyOrder)
	whole := everything(run(base, false).engine, sessiontest.Epoch)
	f.Fuzz(func(_ *testing.T, key string, body []byte) {
		s := maps.Clone(whole)
		kind := kindManifest
		for k, name := range chunkKindNames {
			if strings.HasPrefix(key, name+"/") {
				kind = chunkKind(k)
			}
		}
		chunk := append(wire.Begin(nil), body...)
		sealChunk(chunk, key, kind)
		s[key] = chunk
		if kind != kindManifest { // let the manifest mean it
			d := wire.NewDecoder(whole[manifestKey][wire.Header:])
			h, _ := readManifest(&d)
			key2 := chunkKey(kind, 0, 0, 0)
			h.ranges[kind] = []chunkRange{{deltas: []delta{{parts: []uint32{sealChunk(chunk, key2, kind)}}}}}
			s[key2] = chunk
			head := h.append(wire.Begin(nil))
			sealChunk(head, manifestKey, kindManifest)
			s[manifestKey] = head
		}
		cfg := base.config()
		e, _, err := Restore(cfg, s.get, sessiontest.Epoch)
		if err != nil {
			return
		}
		now := sessiontest.Epoch
		for i := range base.Steps {
			now = base.Steps[i].Now
			doStep(&base.Steps[i], e)
		}
		e.advance(now + int64(cfg.DecisionWait))
		e.resumeAt(now)
		everything(e, now)
		e.shutdown(now)
	})
}

// FuzzReadTimeline reads any bytes as a timeline.
func FuzzReadTimeline(f *testing.F) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	for range 8 {
		t := anyTimeline(d)
		f.Add(appendTimeline(nil, &t, t.fields()))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var tl timeline
		if d := wire.NewDecoder(data); readTimeline(&d, &tl) != nil {
			return
		}
		var again timeline
		d := wire.NewDecoder(appendTimeline(nil, &tl, tl.fields()))
		if err := readTimeline(&d, &again); err != nil {
			t.Fatal(err)
		}
	})
}
