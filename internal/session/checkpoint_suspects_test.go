package session

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// TestFindingEnums: each state, type and evidence that there is is read, and none else.
func TestFindingEnums(t *testing.T) {
	for name, c := range map[string]struct {
		count int
		set   func(f *fact.Finding, n int)
	}{
		"state":    {int(fact.StateCount), func(f *fact.Finding, n int) { f.State = fact.State(n) }},
		"type":     {int(fact.TypeCount), func(f *fact.Finding, n int) { f.Type = fact.Type(n) }},
		"evidence": {int(fact.EvidenceCount), func(f *fact.Finding, n int) { f.Evidence = fact.Evidence(n) }},
	} {
		for n := range c.count + 1 {
			want := fact.Finding{ID: 7}
			c.set(&want, n)
			d := wire.NewDecoder(appendFinding(nil, &want))
			got := readFinding(&d)
			if n == c.count {
				require.Error(t, d.End(), name)
				continue
			}
			require.NoError(t, d.End(), name)
			require.Equal(t, want, got, name)
		}
	}
}

func TestCompareID(t *testing.T) {
	ids := []fact.ID{{}, {0, 1}, {1, 0}, {1, 1}, {2, 0}}
	for i, a := range ids {
		for j, b := range ids {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			require.Equal(t, want, compareID(a, b), "%v and %v", a, b)
		}
	}
}
