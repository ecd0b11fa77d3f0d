package sessiontimeout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// TestCoverage: each kind of record has a count of its own.
func TestCoverage(t *testing.T) {
	c := newCoverage(10)
	for range 2 {
		c.add("web", &extract.Seen{RequestWithID: 1, RequestWithoutID: 2, OtherWithID: 3, LogNotUnderstood: 4})
	}
	c.add("logs", &extract.Seen{LogNotUnderstood: 1})
	c.add("idle", &extract.Seen{})
	require.Equal(t, map[string]*[len(coverageNames)]int64{"web": {2, 4, 6, 8}, "logs": {0, 0, 0, 1}}, c.counts)
}
