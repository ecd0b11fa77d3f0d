package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// A store of an older version holds what came.
func TestWhatIsRestoredIsClean(t *testing.T) {
	dirty := "bad\xff\nsvc" + strings.Repeat("x", MaxText)
	r := Resource{dirty, dirty, dirty, dirty}
	d := wire.Decoder{Left: appendResource(nil, &r)}
	want := Clean(dirty)
	require.Equal(t, Resource{want, want, want, want}, readResource(&d))
	require.NoError(t, d.Err)

	s := newServices(9)
	require.Equal(t, uint32(1), s.name(dirty))
	require.Equal(t, uint32(1), s.name(want), "one name, one service")
	require.Equal(t, []string{OtherService, want}, s.names)
}
