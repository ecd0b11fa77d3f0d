package main

import (
	"bytes"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	const collector = "../../../bin/otelcol-session"
	if _, err := os.Stat(collector); err != nil {
		t.Skip("needs bin/otelcol-session, which make build builds")
	}
	c := comparison{collector: collector, pairs: 1, load: load{spans: 10_100, sessions: 100, batch: 1000, senders: 2}}
	var out bytes.Buffer
	require.NoError(t, c.run(t.Context(), &out))
	require.Regexp(t, `(?m)^ +1 +\d+ +\d+ +\d+\.\d{3} `, out.String())
	require.Regexp(t, `whole process: .* ≤ 1\.15 +(met|MISSED)`, out.String())
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
