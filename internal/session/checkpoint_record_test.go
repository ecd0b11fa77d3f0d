package session

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/compact"
	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// anything draws an instant: near, far, or none.
func anything(d *rand.Rand) int64 {
	switch d.IntN(8) {
	case 0:
		return unset
	case 1:
		return longAgo
	case 2:
		return int64(d.Uint64())
	}
	return sessiontest.Epoch + d.Int64N(1e12)
}

func anyRecord(d *rand.Rand) record {
	r := record{
		Start: anything(d), Arrival: anything(d), position: d.Uint64N(maxPosition-1) + 1, slot: compact.NoSlot,
		kind: fact.Kind(d.IntN(int(part) + 1)), outcome: fact.Outcome(d.IntN(int(fact.Rejected) + 1)), policy: uint8(d.IntN(256)),
		flags: fact.Flags(d.Uint32()), state: recordState(d.Uint32()),
	}
	r.End, r.At, r.EffectiveStart, r.FirstEnd = r.Start, r.Start, r.Start, r.Start
	for _, set := range []func(){
		func() { r.End = anything(d) }, func() { r.At = anything(d) }, func() { r.EffectiveStart = anything(d) }, func() { r.FirstEnd = anything(d) },
		func() { r.enclosing = -1 }, func() { r.session = fact.ID{d.Uint64(), 1} }, func() { r.user = fact.ID{0, d.Uint64()} }, func() { r.userSource = uint8(d.Uint64()) }, func() { r.trace[15] = 1 },
		func() { r.span[0] = 1 }, func() { r.ofSession = uint32(r.position - 1 - d.Uint64N(min(r.position, 1<<31))) }, func() { r.slot = d.Uint32N(compact.NoSlot) }, func() { r.resource = d.Uint32() },
		func() { r.filled = fills(d.Uint32()) }, func() { r.parent[7] = 1 }, func() { r.linked = fact.ID{0, d.Uint64()} },
	} {
		if d.IntN(2) == 0 {
			set()
		}
	}
	return r
}

// TestRecordCodec: a record is read as it was written, whatever it is, and
// nothing shorter is read.
func TestRecordCodec(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	for range 2000 {
		r, details := anyRecord(d), fact.Details{}
		if d.IntN(2) == 0 {
			details = fact.Details{Method: "GET", Route: "/a", Path: "/a/b", Status: int32(d.Uint32()), RPCMethod: "m", Destination: "q"}
		}
		b := appendRecord(nil, &r, details != fact.Details{}, sessiontest.Epoch)
		if details != (fact.Details{}) {
			b = fact.AppendDetails(b, &details)
		}
		in := wire.NewDecoder(b)
		if got, gotDetails := readRecord(&in, sessiontest.Epoch); in.End() != nil || got != r || gotDetails != details {
			t.Fatalf("wrote %+v %+v\nread  %+v %+v: %v", r, details, got, gotDetails, in.Err)
		}
		in = wire.NewDecoder(b[:d.IntN(len(b))])
		if readRecord(&in, sessiontest.Epoch); in.Err == nil {
			t.Fatalf("%d bytes of %+v were enough", len(in.Left), r)
		}
	}
}

// TestRecordLinksBack: a record follows one of its session that came before it, and none
// that did not.
func TestRecordLinksBack(t *testing.T) {
	r := record{position: 9, ofSession: 8}
	for position, ok := range map[byte]bool{9: true, 8: false, 7: false} {
		b := appendRecord(nil, &r, false, 0)
		b[0] = position
		d := wire.NewDecoder(b)
		readRecord(&d, 0)
		if err := d.End(); (err == nil) != ok {
			t.Errorf("8 before %d: %v", position, err)
		}
	}
}

// TestDetailsKept: details that are kept are stored as others are.
func TestDetailsKept(t *testing.T) {
	var l detailLog
	for _, d := range []fact.Details{{}, {Method: "GET", Route: "/a", Path: "/a/b", Status: 200, RPCMethod: "m", Destination: "q"}, {Status: -1, Path: "/c"}} {
		if got, want := appendDetails(nil, l.At(l.put(&d))), fact.AppendDetails(nil, &d); !bytes.Equal(got, want) {
			t.Errorf("%+v is stored as %q, not as %q", d, got, want)
		}
	}
	if got := l.At(7 << 32); got != nil {
		t.Errorf("what was never put is %q", got)
	}
}
