package console

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// An instant is a text with all its nanoseconds, or none.
func TestInstant(t *testing.T) {
	type record struct {
		At   Instant `json:"at"`
		Left Instant `json:"left,omitzero"`
	}
	for want, r := range map[string]record{
		`{"at":"2026-03-01T08:00:00.000000001Z"}`: {At: 1772352000000000001},
		`{"at":""}`: {},
		`{"at":"1970-01-01T00:00:00.000000001Z","left":"2026-03-01T08:00:00.000000000Z"}`: {1, 1772352000000000000},
	} {
		b, err := json.Marshal(r)
		require.NoError(t, err)
		require.Equal(t, want, string(b))
		var back record
		require.NoError(t, json.Unmarshal(b, &back))
		require.Equal(t, r, back)
	}
	var i Instant
	require.NoError(t, i.UnmarshalText([]byte("2026-03-01T09:00:00+01:00")))
	require.Equal(t, Instant(1772352000000000000), i)
	require.ErrorContains(t, i.UnmarshalText([]byte("noon")), `must be a time in RFC 3339, such as 2026-11-27T08:00:00Z (got "noon")`)
}
