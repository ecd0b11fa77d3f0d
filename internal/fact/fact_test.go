package fact

import (
	"testing"

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
