package sessiontimeout

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestCoverage: each kind of record has a count of its own.
func TestCoverage(t *testing.T) {
	c := newCounts(10)
	add := func(service string, n extract.Seen) {
		c.add(&extract.Batch{Resources: []fact.Resource{{ServiceName: service}}, Seen: []extract.Seen{n}, Refused: make([][extract.ReasonCount]int, 1)})
	}
	for range 2 {
		add("web", extract.Seen{RequestWithID: 1, RequestWithoutID: 2, OtherWithID: 3, LogNotUnderstood: 4})
	}
	add("logs", extract.Seen{LogNotUnderstood: 1})
	add("idle", extract.Seen{})
	require.Equal(t, map[string]coverage{"web": {2, 4, 6, 8}, "logs": {0, 0, 0, 1}}, c.coverage.clone())
}
