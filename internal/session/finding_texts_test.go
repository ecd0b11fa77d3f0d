package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A store of an older version holds what came.
func TestWhatIsRestoredIsClean(t *testing.T) {
	dirty := "bad\xff\nsvc" + strings.Repeat("x", MaxText)
	r := Resource{dirty, dirty, dirty, dirty}
	d := decoder{left: appendResource(nil, &r)}
	want := Clean(dirty)
	require.Equal(t, Resource{want, want, want, want}, d.resource())
	require.NoError(t, d.err)

	s := newServices(9)
	require.Equal(t, uint32(1), s.name(dirty))
	require.Equal(t, uint32(1), s.name(want), "one name, one service")
	require.Equal(t, []string{OtherService, want}, s.names)
}
