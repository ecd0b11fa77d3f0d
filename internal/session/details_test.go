package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestDetailsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var l detailLog
		text := rapid.StringN(-1, -1, MaxText)
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Details {
			return Details{
				Method: text.Draw(t, "method"), Route: text.Draw(t, "route"), Path: text.Draw(t, "path"),
				Status: rapid.Int32().Draw(t, "status"), RPCMethod: text.Draw(t, "rpc"), Destination: text.Draw(t, "destination"),
			}
		}), 1, 40).Draw(t, "details")
		var where []uint64
		for i := range all {
			where = append(where, l.put(&all[i]))
		}
		for i := range all {
			if got := l.get(where[i]); got != all[i] {
				t.Fatalf("got %+v, want %+v", got, all[i])
			}
		}
	})
}

func TestDetailsAreBounded(t *testing.T) {
	var l detailLog
	d := Details{Path: strings.Repeat("x", 100*MaxText)}
	first := l.put(&d)
	require.Len(t, l.get(first).Path, MaxText)
	var held uint64
	for range 10_000 {
		where := l.put(&d)
		l.forget(where)
		held = max(held, uint64(len(l.blocks)))
	}
	require.LessOrEqual(t, held, uint64(2), "what nobody refers to is let go")
	require.Equal(t, Details{}, l.get(first))
}
