package session

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

func TestServicesAreBounded(t *testing.T) {
	s := newServices(2)
	var numbers []uint32
	for i := range 10 {
		numbers = append(numbers, s.number(&fact.Resource{ServiceName: fmt.Sprint("s", i)}, 1, func() uint64 { return 1 }))
	}
	require.Equal(t, []string{OtherService, "s0", "s1"}, s.names)
	require.Equal(t, "s9", s.resources[numbers[9]].ServiceName, "a finding still names the service")
	require.Zero(t, s.resources[numbers[9]].service, "a metric does not")
}

// Instances come and go; what nothing recent refers to makes room.
func TestResourcesAreBounded(t *testing.T) {
	s := newServices(1)
	for i := range uint64(10 * maxResources) {
		n := s.number(&fact.Resource{ServiceName: "shop", ServiceInstance: strconv.FormatUint(i, 10)}, i+1, func() uint64 { return i })
		require.Equal(t, strconv.FormatUint(i, 10), s.resources[n].ServiceInstance)
	}
	require.LessOrEqual(t, len(s.resources), maxResources+2)
	require.LessOrEqual(t, len(s.byValue), maxResources+2)
}

// More at a time than can be remembered.
func TestTooManyResources(t *testing.T) {
	s := newServices(1)
	for i := range 2 * maxResources {
		n := s.number(&fact.Resource{ServiceName: "shop", ServiceInstance: strconv.Itoa(i)}, 5, func() uint64 { return 5 })
		require.Equal(t, i >= maxResources, n == 0, "%d: the record at 5 may still be referred to", i)
	}
	require.Equal(t, OtherService, s.resources[0].ServiceName)
}

// No instrument comes near the SDK's limit, whatever the number of policies and
// however many services there may be.
func TestShownServices(t *testing.T) {
	most := fact.MaxPolicies * max(int(VerdictCount), int(fact.TypeCount), boundCount)
	for limit := 1; limit < 3000; limit++ {
		for series := 1; series <= most; series++ {
			n := ShownServices(limit, series)
			if n < 1 || n > limit || n*series > 1900 || (n+1)*series >= 2000 {
				t.Fatalf("%d of %d services and others, %d series of each", n, limit, series)
			}
		}
	}
	require.Equal(t, 200, ShownServices(200, int(VerdictCount)))
	require.Equal(t, 380, ShownServices(1000, int(VerdictCount)))
	require.Zero(t, ShownServices(200, 5000))
}

// All resources are looked through for some that nothing refers to when one comes for which
// there is no room; where there was none, only after so many other facts.
func TestResourcesAreCollectedSeldom(t *testing.T) {
	s := newServices(1)
	looks, oldest := 0, uint64(1)
	lookUp := func(instance string, seq uint64) uint32 {
		return s.number(&fact.Resource{ServiceName: "shop", ServiceInstance: instance}, seq, func() uint64 { looks++; return oldest })
	}
	for i := range maxResources {
		require.NotZero(t, lookUp(strconv.Itoa(i), 5))
	}
	require.Zero(t, looks)
	const seq = uint64(1000)
	next := seq + uint64(len(s.resources)/8)
	for _, c := range []struct {
		seq   uint64
		looks int
	}{{seq, 1}, {seq + 1, 1}, {next - 1, 1}, {next, 2}} {
		require.Zero(t, lookUp("another", c.seq), "%+v", c)
		require.Equal(t, c.looks, looks, "%+v", c)
	}
	s.resources[7].used.Store(0)
	next += uint64(len(s.resources) / 8)
	require.NotZero(t, lookUp("another", next))
	require.Equal(t, 3, looks)
	require.Zero(t, lookUp("one more", next+1), "there is none to be let go of")
	require.Equal(t, 4, looks, "the last time there was")
}
