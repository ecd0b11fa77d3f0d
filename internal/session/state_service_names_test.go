package session

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// A service is known by what may leave of its name.
func TestServiceNamesAreClean(t *testing.T) {
	dirty := "bad\xff\nsvc" + strings.Repeat("x", fact.MaxText)
	want := fact.Clean(dirty)
	s := newServices(9)
	require.Equal(t, uint32(1), s.name(dirty))
	require.Equal(t, uint32(1), s.name(want), "one name, one service")
	require.Equal(t, []string{OtherService, want}, s.names)
}
