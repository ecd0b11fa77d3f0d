package fact

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// TestWhatIsReadIsClean: an older version stored what came.
func TestWhatIsReadIsClean(t *testing.T) {
	dirty := "bad\xff\nsvc" + strings.Repeat("x", MaxText)
	r := Resource{dirty, dirty, dirty, dirty}
	d := wire.NewDecoder(AppendResource(nil, &r))
	want := Clean(dirty)
	require.Equal(t, Resource{want, want, want, want}, ReadResource(&d))
	require.NoError(t, d.Err)
}
