package wire

import (
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestDecoder: what was appended is read, and nothing that was cut off is.
func TestDecoder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u, v := rapid.Uint64().Draw(t, "u"), rapid.Int64().Draw(t, "v")
		text, id := rapid.String().Draw(t, "text"), [2]uint64{rapid.Uint64().Draw(t, "id"), u}
		b := binary.AppendUvarint(nil, u)
		b = binary.AppendVarint(b, v)
		b = AppendUint128(AppendText(b, text), id)
		b = binary.LittleEndian.AppendUint64(AppendBool(b, true), u)
		read := func(b []byte) Decoder {
			d := NewDecoder(b)
			ru, rv, rt, rid, rb, rl := d.Uvarint(), d.Varint(), d.Text(), d.Uint128(), d.Bool(), d.LittleEndian()
			if d.Err == nil {
				require.Equal(t, []any{u, v, text, id, true, u}, []any{ru, rv, rt, rid, rb, rl})
			}
			return d
		}
		d := read(b)
		require.NoError(t, d.End())
		d = read(b[:rapid.IntRange(0, len(b)-1).Draw(t, "cut")])
		require.ErrorIs(t, d.End(), ErrCorrupt)
		d = read(append(b, 0))
		require.ErrorIs(t, d.End(), ErrCorrupt)
	})
}

// TestDecoderAsksForLittle: a few bytes cannot ask for much.
func TestDecoderAsksForLittle(t *testing.T) {
	d := NewDecoder(binary.AppendUvarint(nil, math.MaxUint64))
	require.Zero(t, d.Len(1))
	require.ErrorIs(t, d.Err, ErrCorrupt)
	d = NewDecoder(append(binary.AppendUvarint(nil, 3), 0, 0, 0, 0, 0))
	require.Zero(t, d.Len(2), "3 things of 2 bytes each are more than 5 bytes")
	d = NewDecoder(append(binary.AppendUvarint(nil, 2), 0, 0, 0, 0))
	require.Equal(t, 2, d.Len(2))
	require.Equal(t, uint64(0), d.Below(1))
	require.Zero(t, d.Below(0))
	require.ErrorIs(t, d.Err, ErrCorrupt)
}
