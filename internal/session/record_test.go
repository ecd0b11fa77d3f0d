package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestRecent(t *testing.T) {
	for _, limit := range []int{0, 1, 2, chunkSize - 1, chunkSize, chunkSize + 1, 3*chunkSize + 5} {
		r := newRecent(limit)
		n := uint64(max(limit, 1))
		require.Nil(t, r.at(0))
		require.Nil(t, r.at(1))
		for i := uint64(1); i <= 3*n; i++ {
			require.Equal(t, i > n, r.full(), "%d of %d", i, limit)
			rec := record{Start: int64(i), session: fact.ID{i}}
			require.Equal(t, i, r.push(&rec, rec.hash(), &fact.Details{Status: int32(i)}).position)
			oldest := uint64(1)
			if i >= n {
				oldest = i + 1 - n
			}
			require.Equal(t, oldest, r.oldest(), "%d of %d", i, limit)
			for p := oldest; p <= i; p++ {
				require.EqualValues(t, p, r.at(p).Start, "%d of %d", i, limit)
			}
			require.Nil(t, r.at(oldest-1))
			require.Nil(t, r.at(i+1))
		}
		require.EqualValues(t, 3*n, r.details.get(r.at(3*n).details).Status)
	}
}

// Of one trace no more than so many records are looked at, the newest first.
func TestKin(t *testing.T) {
	r := newRecent(1000)
	for i := range int64(maxTraceSteps + 10) {
		r.push(&record{Start: i, trace: [16]byte{1}, span: [8]byte{1}}, 7, &fact.Details{})
	}
	var seen []int64
	r.eachOfTrace(7, maxTraceSteps, func(x *record) bool {
		seen = append(seen, x.Start)
		return true
	})
	require.Len(t, seen, maxTraceSteps)
	require.EqualValues(t, maxTraceSteps+9, seen[0])
	require.EqualValues(t, 10, seen[maxTraceSteps-1])
	n := 0
	r.eachOfTrace(7, maxTraceSteps, func(*record) bool {
		n++
		return n < 3
	})
	require.Equal(t, 3, n, "until it has seen enough")
	r.eachOfTrace(8, maxTraceSteps, func(*record) bool { t.Fatal("another trace"); return false })
}

func TestRecordHash(t *testing.T) {
	base := record{session: fact.ID{1, 2}, trace: [16]byte{1}, span: [8]byte{1}, At: 5}
	same := base
	same.span, same.At, same.flags = [8]byte{2}, 6, fact.Exempt
	require.Equal(t, base.hash(), same.hash(), "one trace")
	for i := range 16 {
		other := base
		other.trace[i] ^= 0x80
		require.NotEqual(t, base.hash(), other.hash(), i)
	}
	other := base
	other.session[0] = 9
	require.NotEqual(t, base.hash(), other.hash())
	alone := base
	alone.span = [8]byte{}
	require.NotEqual(t, base.hash(), alone.hash())
	later := alone
	later.At++
	require.NotEqual(t, alone.hash(), later.hash())
	kind := alone
	kind.kind = fact.Ended
	require.NotEqual(t, alone.hash(), kind.hash())
	require.EqualValues(t, 0x0807060504030201, le([]byte{1, 2, 3, 4, 5, 6, 7, 8}))
}

func TestInside(t *testing.T) {
	at := func(start, end int64, more ...func(*record)) *record {
		r := &record{Start: start, End: end, session: fact.ID{1}, trace: [16]byte{1}, span: [8]byte{1}}
		for _, change := range more {
			change(r)
		}
		return r
	}
	outer := at(10, 20)
	require.True(t, at(10, 19).inside(outer))
	require.True(t, at(11, 20).inside(outer))
	require.True(t, at(12, 13).inside(outer))
	require.False(t, at(10, 20).inside(outer), "it is no longer")
	require.False(t, at(9, 12).inside(outer))
	require.False(t, at(12, 21).inside(outer))
	require.False(t, at(12, 13, func(r *record) { r.session = fact.ID{2} }).inside(outer))
	require.False(t, at(12, 13, func(r *record) { r.trace = [16]byte{2} }).inside(outer))
	require.False(t, at(12, 13, func(r *record) { r.span = [8]byte{} }).inside(outer))
	require.False(t, at(12, 13).inside(at(10, 20, func(r *record) { r.span = [8]byte{} })))
	require.False(t, at(12, 13).inside(at(10, 20, func(r *record) { r.flags = fact.Stream })))
	require.True(t, at(12, 13, func(r *record) { r.flags = fact.Stream }).inside(outer))
}

// The record that knows better: a span, then the earlier start, the earlier
// end, the first policy, the service's name, its own time, its flags.
func TestKnowsBetter(t *testing.T) {
	e := New(historyConfig())
	a := e.services.number(&fact.Resource{ServiceName: "a"}, 1, e.oldestSeq)
	b := e.services.number(&fact.Resource{ServiceName: "b"}, 1, e.oldestSeq)
	in := []record{
		{Start: 9, End: 99, policy: 9, resource: b, At: 99},
		{flags: fact.FromLog, Start: 1, End: 9, policy: 9, resource: b, At: 99},
		{flags: fact.FromLog, Start: 2, End: 3, policy: 9, resource: b, At: 99},
		{flags: fact.FromLog, Start: 2, End: 4, policy: 1, resource: b, At: 99},
		{flags: fact.FromLog, Start: 2, End: 4, policy: 2, resource: a, At: 99},
		{flags: fact.FromLog, Start: 2, End: 4, policy: 2, resource: b, At: 1},
		{flags: fact.FromLog, Start: 2, End: 4, policy: 2, resource: b, At: 2},
		{flags: fact.FromLog | fact.Sampled, Start: 2, End: 4, policy: 2, resource: b, At: 2},
	}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, e.knowsBetter(&in[i], &in[j]), "%d %d", i, j)
		}
	}
}

// The ring has memory for so many records and no more, and those can be found by what they
// have in common.
func TestRecentHasRoom(t *testing.T) {
	require.Len(t, newRecent(chunkSize).chunks, 1)
	require.Len(t, newRecent(chunkSize+1).chunks, 2)
	r := newRecent(chunkSize + 3)
	for range chunkSize + 1 {
		r.place(r.next)
		r.step()
	}
	require.Len(t, r.chunks[1], 3)
	for _, next := range []uint64{1, 2, 4, 5, 6, 100} {
		r := newRecent(4)
		for r.next < next {
			r.place(r.next)
			r.step()
		}
		require.EqualValues(t, min(next-1, 4), r.window().Reach)
	}
}
