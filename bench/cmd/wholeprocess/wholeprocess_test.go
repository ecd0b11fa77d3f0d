package main

import (
	"bytes"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	const collector = "../../../bin/otelcol-session"
	if _, err := os.Stat(collector); err != nil {
		t.Skip("needs bin/otelcol-session, which make build builds")
	}
	for of, limit := range map[string]string{"session_timeout": "1.15", "session_console": "1.03"} {
		c := comparison{of: of, collector: collector, pairs: 1, load: load{spans: 10_100, sessions: 100, batch: 1000, senders: 2}}
		var out bytes.Buffer
		require.NoError(t, c.run(t.Context(), &out))
		require.Regexp(t, `(?m)^ +1 +-?\d+ +-?\d+ +-?\d+\.\d{3} `, out.String())
		require.Regexp(t, `whole process: .* without `+of+` .* ≤ `+limit+` +(met|MISSED)`, out.String())
	}
	require.ErrorContains(t, (&comparison{of: "x", pairs: 1, load: load{1, 1, 1, 1}}).run(t.Context(), io.Discard), `there is no "x" to measure`)
}

func TestSum(t *testing.T) {
	const page = `# HELP x_total what
# TYPE x_total counter
x_total{a="1",b="2"} 3
x_total{a="1",b="3"} 4
x_y{a="1"} 5
x{a="2"} 1e+01
`
	require.Equal(t, 17, sum(page, "x"))
	require.Equal(t, 7, sum(page, `x{a="1"}`))
	require.Equal(t, 5, sum(page, "x_y"))
	require.Zero(t, sum(page, "z"))
}
