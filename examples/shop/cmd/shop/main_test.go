package main

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

func TestParse(t *testing.T) {
	s, err := parse([]string{"-fault", "idle-cache,ignore-logout", "-stories", "basic", "-idle", "4s"})
	require.NoError(t, err)
	require.Equal(t, []shop.Fault{shop.IdleCache, shop.IgnoreLogout}, s.shop.Faults)
	require.Equal(t, s.shop.Faults, s.driver.Faults)
	require.Equal(t, driver.BasicStories(), s.driver.Stories)
	require.Equal(t, 4*time.Second, s.driver.Limits.Idle)
	require.Equal(t, s.shop.Lifetime, s.driver.Limits.Absolute)

	s, err = parse([]string{"-fault", "all"})
	require.NoError(t, err)
	require.Equal(t, shop.Faults, s.shop.Faults)
	require.NoError(t, s.shop.Validate())
}

func TestRecord(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "recording")
	var err error
	for range 5 { // where the machine is too busy
		err = run(t.Context(), []string{
			"-record", folder, "-fault", "ignore-logout", "-stories", "leaver", "-margin", "300ms",
		})
		if !errors.Is(err, driver.ErrSlipped) {
			break
		}
	}
	require.NoError(t, err)
	for _, name := range []string{"traces.json", "logs.json", "expected.json"} {
		require.FileExists(t, filepath.Join(folder, name))
	}
}
