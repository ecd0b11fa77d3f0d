package wire

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

func sealed(body string) []byte {
	value := append(Begin(nil), body...)
	Seal(value, 7, "key")
	return value
}

func TestOpen(t *testing.T) {
	value := append(Begin([]byte("what was there before")), "body"...)
	sum := Seal(value, 7, "key")
	o, err := Open(value, 7, "key")
	require.NoError(t, err)
	require.Equal(t, Opened{[]byte("body"), Version, sum}, o)
	o, err = Open(sealed(""), 7, "key")
	require.NoError(t, err)
	require.Empty(t, o.Body)
	require.NotEqual(t, sum, o.Sum)
}

// TestVersions: from Oldest to Version all are read, what is older or newer is
// named so.
func TestVersions(t *testing.T) {
	for v := range 256 {
		value := sealed("body")
		value[4] = byte(v)
		_, err := Open(value, 7, "key")
		switch {
		case v < Oldest:
			require.ErrorIs(t, err, ErrOlder)
		case v > Version:
			require.ErrorIs(t, err, ErrNewer)
		case v < Version: // its checksum is that of another
			require.ErrorIs(t, err, ErrCorrupt)
		default:
			require.NoError(t, err)
		}
	}
	require.Equal(t, Version-1, Oldest, "the version before this one is read, and none before that")
}

// TestDamage: no bit can change, no byte be cut off or added, and no value lie
// under another key or be another kind without notice.
func TestDamage(t *testing.T) {
	value := sealed("some body")
	for i := range len(value) * 8 {
		bad := bytes.Clone(value)
		bad[i/8] ^= 1 << (i % 8)
		o, err := Open(bad, 7, "key")
		require.Error(t, err, i)
		require.Equal(t, Opened{}, o)
	}
	for n := range value {
		_, err := Open(value[:n], 7, "key")
		require.ErrorIs(t, err, ErrTruncated)
	}
	_, err := Open(append(bytes.Clone(value), 0), 7, "key")
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = Open(value, 8, "key")
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = Open(value, 7, "another")
	require.ErrorIs(t, err, ErrCorrupt)
	_, err = Open(nil, 7, "key")
	require.ErrorIs(t, err, ErrMissing)
}
