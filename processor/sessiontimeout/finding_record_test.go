package sessiontimeout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// TestScope: a finding's scope is that of the component that finds.
func TestScope(t *testing.T) {
	require.Equal(t, findinglog.Scope, metadata.ScopeName)
}
