package session

import (
	"strconv"
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

// As many services are shown by their names as may be.
func TestShownByName(t *testing.T) {
	s := newStage(t, standard, func(c *Config) { c.MaxServices = 3 })
	for i := range 4 {
		s.services.name(strconv.Itoa(i + 1))
	}
	most := ShownServices(s.stats.maxServices, 1)
	require.Equal(t, strconv.Itoa(most), s.stats.shown(uint32(most), 1))
	require.Equal(t, OtherService, s.stats.shown(uint32(most+1), 1))
}

// What was refused of a service is told where there was any, and of all others for every
// reason.
func TestRefusedOf(t *testing.T) {
	s := newStage(t, "policy p0\nconfig ahead=1s\n")
	f := factsOf("a request at=10s")[0]
	require.False(t, s.admit(&f, s.now))
	type key struct {
		service string
		why     RefusedReason
	}
	got, want := map[key]int64{}, map[key]int64{{"web", RefusedAhead}: 1}
	for why := range RefusedReasonCount {
		want[key{OtherService, why}] = 0
	}
	s.counters().RefusedOf(1, func(service string, why RefusedReason, n int64) { got[key{service, why}] = n })
	require.Equal(t, want, got)
}
