package session

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

func anyTimeline(d *rand.Rand) timeline {
	t := timeline{
		first: unset, firstStart: unset, firstActivity: unset, newest: longAgo, lastInactiveStart: longAgo, unknownBefore: longAgo, policy: fact.NoPolicy,
		lastArrival: anything(d),
	}
	d.Uint64()
	for i := range t.pseudonym {
		t.pseudonym[i] = byte(d.Uint32())
	}
	n := func() int { return 1 + d.IntN(4) }
	id := func() fact.ID { return fact.ID{d.Uint64(), d.Uint64()} }
	instants := func() (list []int64) {
		for range n() {
			list = append(list, anything(d))
		}
		return list
	}
	endings := func() (list []ending) {
		for range n() {
			x := ending{at: anything(d), service: d.Uint32()}
			if d.IntN(2) == 0 {
				x.seq = d.Uint64()
			}
			if d.IntN(2) == 0 {
				x.effectiveSeq = d.Uint64()
			}
			if d.IntN(2) == 0 {
				x.other = id()
			}
			list = append(list, x)
		}
		return list
	}
	for _, set := range []func(){
		func() { t.first = anything(d) }, func() { t.firstStart = anything(d) }, func() { t.firstBeside = anything(d) }, func() { t.firstActivity = anything(d) },
		func() { t.newest = anything(d) }, func() { t.lastInactiveStart = anything(d) }, func() { t.unknownBefore = anything(d) }, func() { t.shownFrom = anything(d) },
		func() { t.policy = uint8(d.IntN(64)) }, func() { t.policies = d.Uint64() }, func() { t.sampled = instants() }, func() { t.reported = true }, func() { t.deferred = true },
		func() { t.dirty, t.dirtySince = 3, anything(d) }, func() { t.recent, t.facts = d.Uint64N(maxPosition), d.Uint32() },
		func() { t.suspects = d.Uint32() }, func() { t.authentications = instants() },
		func() {
			t.back = comeback{back: true, lost: d.IntN(2) == 0, login: d.IntN(2) == 0, unsure: d.IntN(2) == 0, seen: longAgo}
			if d.IntN(2) == 0 {
				t.back.typ, t.back.end, t.back.service = fact.RotatedSession, 1+d.Int64N(1<<60), d.Uint32()
			}
			if d.IntN(2) == 0 {
				t.back.first, t.back.last, t.back.seen = anything(d), 1+d.Int64N(1<<60), anything(d)
			}
		},
		func() { t.authentications, t.droppedAuthentication = instants(), anything(d) }, func() {
			for _, at := range instants() {
				t.lateStarts = append(t.lateStarts, ending{at: at, effectiveSeq: d.Uint64()})
			}
		},
		func() { t.ends = endings() }, func() { t.rotations = endings() }, func() { t.raised = endings() },
		func() {
			for range n() {
				t.intervals = append(t.intervals, interval{anything(d), anything(d), d.Uint64()})
			}
		},
		func() {
			for range n() {
				t.nestedStarts = append(t.nestedStarts, nestedStart{anything(d), d.Uint64()})
			}
		},
		func() {
			for range n() {
				t.lineage = append(t.lineage, rotation{anything(d), id(), d.Uint64(), d.Uint64()})
			}
		},
		func() { t.legacy = anyLegacy(d) },
		func() {
			for range n() {
				t.identities = append(t.identities, identity{anything(d), id(), d.Uint64N(3), uint8(d.Uint64())})
				t.links = append(t.links, identity{at: anything(d), user: id(), effectiveSeq: d.Uint64N(3)})
			}
		},
	} {
		if d.IntN(3) == 0 {
			set()
		}
	}
	return t
}

func anyLegacy(d *rand.Rand) legacy {
	l := legacy{from: fact.ID{d.Uint64(), d.Uint64()}, at: anything(d), effectiveSeq: d.Uint64N(3)}
	for range 1 + d.IntN(3) {
		h := noHeritage
		h.known, h.identified, h.vague, h.unidentified = d.IntN(2) == 0, d.IntN(2) == 0, d.IntN(2) == 0, d.IntN(2) == 0
		for _, at := range []*int64{&h.at, &h.login, &h.firstIdentity, &h.unknownBefore} {
			if d.IntN(2) == 0 {
				*at = anything(d)
			}
		}
		if h.cut = h.at != unset; d.IntN(2) == 0 {
			h.heirUser = fact.ID{1 + d.Uint64N(9), 2}
			h.lateUser = h.heirUser
			h.heirs = []identity{{user: h.heirUser, source: uint8(d.Uint64())}}
		}
		if d.IntN(2) == 0 {
			h.ends = []heldEnd{{at: anything(d), typ: fact.RevokedSession, service: d.Uint32(), doubt: ReasonBounds}}
		}
		if h.moreLinks = d.IntN(2) == 0; d.IntN(2) == 0 {
			h.links = []heldLink{{fact.ID{d.Uint64(), d.Uint64()}, anything(d), anything(d)}}
		}
		l.all = append(l.all, h)
	}
	return l
}

// plain lets empty slices be nil.
func plain(t timeline) timeline {
	v := reflect.ValueOf(&t).Elem()
	for _, f := range v.Fields() {
		if f.Kind() == reflect.Slice && f.Len() == 0 {
			*(*[]byte)(f.Addr().UnsafePointer()) = nil
		}
	}
	return t
}

// TestTimelineCodec: a timeline is read as it was written, whatever it is and
// whatever the one that it is read into held before; nothing shorter is read.
func TestTimelineCodec(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	got := timeline{id: fact.ID{1, 2}, slot: 3}
	for range 4000 {
		want := anyTimeline(d)
		b := appendTimeline(nil, &want, want.fields())
		in := wire.NewDecoder(b)
		err := readTimeline(&in, &got)
		want.id, want.slot = fact.ID{1, 2}, 3
		if read := plain(got); err != nil || !reflect.DeepEqual(read, want) {
			t.Fatalf("wrote %+v\nread  %+v: %v", want, read, err)
		}
		for i := range b {
			b[i] = '#' // not what was read
		}
		if !reflect.DeepEqual(plain(got), want) {
			t.Fatal("it is memory of the buffer")
		}
		b = appendTimeline(b[:0], &want, want.fields())
		n := d.IntN(len(b))
		if in = wire.NewDecoder(b[:n]); readTimeline(&in, &got) == nil {
			t.Fatalf("%d of %d bytes were enough", n, len(b))
		}
	}
}

// TestTimelineSize: a session that does nothing special takes few bytes.
func TestTimelineSize(t *testing.T) {
	s := int64(1e9)
	tl := timeline{
		newest: sessiontest.Epoch + 900*s, first: sessiontest.Epoch, firstBeside: unset, firstActivity: sessiontest.Epoch, firstStart: unset, lastInactiveStart: longAgo, unknownBefore: longAgo, shownFrom: longAgo,
		lastArrival: sessiontest.Epoch + 901*s, policies: 1, policy: 0, intervals: intervals{{sessiontest.Epoch, sessiontest.Epoch + 900*s, 1}}, recent: 12_345_678, facts: 40,
	}
	if n := len(appendTimeline(nil, &tl, tl.fields())); n > 44 {
		t.Errorf("%d bytes", n)
	} else {
		t.Logf("%d bytes", n)
	}
}

// TestEveryFieldIsStored: whoever adds a field to a timeline stores it, or says here
// why not.
func TestEveryFieldIsStored(t *testing.T) {
	notStored := map[string]string{
		"id": "the table's", "slot": "the table's", "shard": "the table's", "place": "the table's",
		"review": "it begins anew, see dirty", "detours": "they are counted anew", "undecided": "counted when suspects are read",
	}
	needs := map[string]func(*timeline){ // what a field means nothing without
		"droppedAuthentication": func(tl *timeline) { tl.authentications = []int64{7} },
		"dirtyTurn":             func(tl *timeline) { tl.dirty = dirtyVerdicts },
		"dirtySince":            func(tl *timeline) { tl.dirty = dirtyVerdicts },
		"back":                  func(tl *timeline) { tl.back.back = true },
	}
	for field := range reflect.TypeFor[timeline]().Fields() {
		var want, got timeline
		want.empty(fact.ID{}, 0)
		if need := needs[field.Name]; need != nil {
			need(&want)
		}
		before := want
		v := reflect.ValueOf(&want).Elem().FieldByIndex(field.Index)
		v = reflect.NewAt(v.Type(), v.Addr().UnsafePointer()).Elem()
		switch v.Kind() {
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Int64:
			v.SetInt(12345)
		case reflect.Uint8, reflect.Uint32, reflect.Uint64:
			v.SetUint(3)
		case reflect.Slice:
			v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		case reflect.Array:
			v.Index(0).SetUint(3)
		case reflect.Struct:
			switch field.Name {
			case "back":
				want.back.service, want.back.end = 3, 5
			case "legacy":
				want.legacy = legacy{from: fact.ID{1, 2}, at: 3, all: []heritage{noHeritage}}
			default:
				want.review.underWay = true
			}
		case reflect.Pointer:
			want.shard = &shard{}
		default:
			t.Fatalf("%s is a %s", field.Name, v.Kind())
		}
		if reflect.DeepEqual(want, before) {
			t.Fatalf("%s is as it was", field.Name)
		}
		in := wire.NewDecoder(appendTimeline(nil, &want, want.fields()))
		if err := readTimeline(&in, &got); err != nil {
			t.Fatalf("%s: %v", field.Name, err)
		}
		if _, known := notStored[field.Name]; reflect.DeepEqual(plain(got), plain(want)) == known {
			t.Errorf("%s: stored %v, listed as not stored %v", field.Name, !known, known)
		}
	}
}
