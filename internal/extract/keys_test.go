package extract

import (
	"fmt"
	"math/bits"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"pgregory.net/rapid"
)

// find is the slot at which an attribute of this name is found.
func (t *keyTable) find(name string) (slot, bool) {
	m, f := pcommon.NewMap(), &found{}
	m.PutStr(name, "")
	t.collect(m, f)
	return slot(bits.TrailingZeros64(f.seen)), f.seen != 0
}

func TestKeyTableFindsWhatItHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		table := &keyTable{}
		want := map[string]slot{}
		name := rapid.OneOf(
			rapid.StringN(0, 6, -1),
			rapid.StringMatching(`[ab]{0,2}\.session\.id`),
			rapid.StringMatching(`[ab]{1,2}(\.......){0,5}[ab]\.session\.id`),
			rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"aaaaaaaa", "aaaaaaab", "b"}), 0, 6), func(s []string) string { return strings.Join(s, "") }),
			rapid.SampledFrom(builtinNames[:]),
		)
		for _, n := range rapid.SliceOf(name).Draw(t, "names") {
			s, ok := table.add(n)
			known, isKnown := want[n]
			switch {
			case isKnown && (!ok || s != known):
				t.Fatalf("%q was %d and is %d", n, known, s)
			case !isKnown && ok != (len(want) < maxSlots):
				t.Fatalf("%q as name %d: %v", n, len(want), ok)
			case ok:
				want[n] = s
			}
		}
		for _, n := range append(rapid.SliceOf(name).Draw(t, "others"), builtinNames[:]...) {
			s, ok := table.find(n)
			known, isKnown := want[n]
			if ok != isKnown || ok && s != known {
				t.Fatalf("%q: %d, %v; want %d, %v", n, s, ok, known, isKnown)
			}
		}
	})
}

// TestNamesAreComparedWhole changes every byte of names of all lengths, the ends
// of which only a comparison of the rest can tell apart.
func TestNamesAreComparedWhole(t *testing.T) {
	for n := 1; n <= 48; n++ {
		table := &keyTable{}
		name := strings.Repeat("a", n)
		_, ok := table.add(name)
		require.True(t, ok)
		_, ok = table.find(name)
		require.True(t, ok, name)
		for i := range n {
			other := name[:i] + "b" + name[i+1:]
			_, ok := table.find(other)
			require.False(t, ok, other)
		}
		// Some of so many lengths share its bucket.
		long := strings.Repeat("a", n+64*4000)
		for m := n + 64; m <= len(long); m += 64 {
			_, ok := table.find(long[:m])
			require.False(t, ok, m)
		}
	}
}

func TestBuiltinNamesHaveTheirSlots(t *testing.T) {
	table := newKeyTable()
	for i, name := range builtinNames {
		require.NotEmpty(t, name, i)
		s, ok := table.find(name)
		require.True(t, ok)
		require.Equal(t, slot(i), s)
	}
	require.LessOrEqual(t, int(builtinSlots)+32, maxSlots, "room for configured names")
}

func TestAllSlotsWork(t *testing.T) {
	var names []string
	for i := range maxSlots - int(builtinSlots) {
		names = append(names, fmt.Sprintf("a%02d", i))
	}
	x := newExtractor(t, func(c *Config) {
		c.SessionID.Sources, c.SessionID.Previous, c.UserID.Sources = attributes(names...), nil, nil
	})
	for _, name := range names {
		require.Equal(t, sessionName(x, "s1"), spanFact(t, x, attrs{name: "s1"}).Session, name)
	}
	// A name that is read anyway takes no slot.
	_ = newExtractor(t, func(c *Config) {
		c.SessionID.Sources, c.SessionID.Previous, c.UserID.Sources = attributes(append(names, "http.route")...), nil, nil
	})
}

func TestOfTwoAttributesWithOneNameTheFirstCounts(t *testing.T) {
	td, err := (&ptrace.JSONUnmarshaler{}).UnmarshalTraces([]byte(`{"resourceSpans": [{"scopeSpans": [{"spans": [{
		"kind": 2, "startTimeUnixNano": "5", "endTimeUnixNano": "6", "attributes": [
			{"key": "session.id", "value": {"stringValue": "s1"}},
			{"key": "session.id", "value": {"stringValue": "s2"}}
		]}]}]}]}`))
	require.NoError(t, err)
	x := newExtractor(t)
	b := ofTraces(x, td)
	require.Len(t, b.Facts, 1)
	require.Equal(t, sessionName(x, "s1"), b.Facts[0].Session)
}
