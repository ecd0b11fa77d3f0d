package fact

import (
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"
)

// Ids are ordered by their first half, then by the second.
func TestIDLess(t *testing.T) {
	in := []ID{{0, 9}, {1, 1}, {1, 2}, {2, 0}}
	for i := range in {
		for j := range in {
			require.Equal(t, i < j, in[i].Less(in[j]), "%d %d", i, j)
		}
	}
}

// A batch of facts is more than a cache holds: what a fact has more costs every request.
func TestFactIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(Fact{}), uintptr(272))
}

func TestNameOfNobody(t *testing.T) {
	var nobody *Name
	require.True(t, nobody.Key().IsZero())
	require.Equal(t, ID{1, 2}, (&Name{ID: ID{1, 2}}).Key())
}
