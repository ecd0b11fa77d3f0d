package bench

import (
	"bytes"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/bench/internal/traffic"
)

// tiny is a load that takes no time.
var tiny = load{sessions: 100, batches: 3, spans: 64, recent: 500}

func TestSubjectsDoTheirWork(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for _, s := range subjects {
		t.Run(s.name, func(t *testing.T) {
			m, err := newMeter(tiny, s.start)
			require.NoError(t, err)
			require.NoError(t, m.warm())
			warm := m.spans
			require.GreaterOrEqual(t, warm, m.subject.warm)

			for _, cores := range []int{1, 2} {
				runtime.GOMAXPROCS(cores)
				r, err := m.run(10)
				require.NoError(t, err)
				require.Equal(t, 10*tiny.spans, r.spans)
				require.Positive(t, r.wall)
			}
			require.Equal(t, warm+20*tiny.spans, m.spans)
			require.NoError(t, m.close())
		})
	}
}

// TestPoliciesAreMeasured: the last policy governs whatever others there are.
func TestPoliciesAreMeasured(t *testing.T) {
	for name, config := range map[string]string{"one": onePolicyConfig, "ten": tenPoliciesConfig} {
		m, err := newMeter(tiny, func(l load) (*subject, error) { return startWith(l, config) })
		require.NoError(t, err, name)
		require.NoError(t, m.warm(), name)
		metrics, err := m.subject.metrics()
		require.NoError(t, err, name)
		require.EqualValues(t, m.spans, metrics.sum("facts", "kind", "request"), name)
		require.NoError(t, m.close(), name)
	}
}

// What is measured must be the path that it is said to be: each of these
// spoils it a little.
func TestSpoiledMeasurements(t *testing.T) {
	tests := map[string]struct {
		start func(load) (*subject, error)
		spoil func(*meter)
		want  string
	}{
		"a span that the walk did not see": {
			start: startWalk, spoil: func(m *meter) { m.spans++ },
			want: "walk: attributes seen: want 6347, got 6336",
		},
		"a span that the processor did not see": {
			start: startSessionTimeout, spoil: func(m *meter) { m.spans++ },
			want: "requests in time: want 577, got 576",
		},
		"spans from yesterday": {
			start: startSessionTimeout, spoil: func(m *meter) { m.add(shift(-25 * time.Hour)) },
			want: "facts refused: want 0, got 64",
		},
		"spans of tomorrow": {
			start: startSessionTimeout, spoil: func(m *meter) { m.add(shift(time.Hour)) },
			want: "facts refused: want 0, got 64",
		},
		"sessions that were idle": {
			start: startSessionTimeout, spoil: func(m *meter) { m.add(shift(4 * time.Minute)); m.add(shift(-40 * time.Minute)) },
			want: "requests in time: want 704, got",
		},
		"spans that come twice": {
			start: startSessionTimeout, spoil: func(m *meter) { m.consume(m.batches[0]); m.count(1) },
			want: "facts: want 640, got 576",
		},
		"spans that no session can be read from": {
			start: startSessionTimeout, spoil: func(m *meter) {
				m.add(func(b *traffic.Batch) {
					spans := b.Traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
					for i := range spans.Len() {
						spans.At(i).Attributes().Remove("session.id")
					}
				})
			},
			want: "records that name a session: want 640, got 576",
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m, err := newMeter(tiny, tt.start)
			require.NoError(t, err)
			for m.spans < 9*tiny.spans {
				m.add(func(*traffic.Batch) {})
			}
			tt.spoil(m)
			require.ErrorContains(t, m.close(), tt.want)
		})
	}
}

// add lets the subject consume one batch more, changed.
func (m *meter) add(change func(*traffic.Batch)) {
	b := m.batches[0]
	m.source.Renew(b)
	change(b)
	m.consume(b)
	m.count(1)
}

func shift(d time.Duration) func(*traffic.Batch) {
	return func(b *traffic.Batch) {
		spans := b.Traces.ResourceSpans().At(0).ScopeSpans().At(0).Spans()
		for i := range spans.Len() {
			s := spans.At(i)
			s.SetStartTimestamp(s.StartTimestamp() + pcommon.Timestamp(d))
			s.SetEndTimestamp(s.EndTimestamp() + pcommon.Timestamp(d))
		}
	}
}

func TestTable(t *testing.T) {
	var r resultSet
	var out bytes.Buffer
	r.print(&out)
	require.Empty(t, out.String(), "nothing was measured")

	cost := func(ns time.Duration) measured { return measured{spans: 1000, wall: 1000 * ns, cpu: 1000 * ns} }
	for run, slower := range []time.Duration{1, 3, 2} {
		r.traces.add(ofWalk, hundredThousand, 1, run, cost(100*slower))
		r.traces.add(ofWalk, hundredThousand, 2, run, cost(50*slower))
		r.traces.add(ofSpanMetrics, hundredThousand, 1, run, cost(400*slower))
		r.traces.add(ofSessionTimeout, hundredThousand, 1, run, cost(9000)) // while N is looked for
		r.traces.add(ofSessionTimeout, hundredThousand, 1, run, cost(200*slower))
		r.traces.add(ofSessionTimeout, hundredThousand, 2, run, cost(120*slower))
		r.traces.add(ofSessionTimeout, million, 1, run, cost(150*slower))
	}
	for run := range 3 {
		r.traces.add(ofOnePolicy, policiesLoadName, 1, run, cost(time.Duration(100+10*run)))
		r.traces.add(ofTenPolicies, policiesLoadName, 1, run, cost(time.Duration(115+15*run)))
	}
	r.held.add(100, 1, heldResult{bytes: 9})
	r.held.add(100, 1, heldResult{bytes: 64, gcMillis: 1.25})

	value := map[string]float64{}
	met := map[string]bool{}
	for _, f := range r.figures() {
		value[f.name], met[f.name] = f.value, f.met()
	}
	require.InDeltaMapValues(t, map[string]float64{
		"100,000 sessions: times the cost of spanmetrics": 0.5,
		"100,000 sessions: times the cost of the walk":    2,
		"1,000,000 sessions: ns/span":                     300,
		"allocations/span":                                0,
		"ten policies with rules: ns/span more than one":  20,
		"second core: times the gain of the walk":         200. / 120 / 2,
	}, value, 1e-9)
	require.Equal(t, map[string]bool{
		"100,000 sessions: times the cost of spanmetrics": true,
		"100,000 sessions: times the cost of the walk":    true,
		"1,000,000 sessions: ns/span":                     false,
		"allocations/span":                                true,
		"ten policies with rules: ns/span more than one":  true,
		"second core: times the gain of the walk":         false,
	}, met)

	r.print(&out)
	require.NotContains(t, out.String(), "Other work")
	for _, line := range []string{
		`sessions=100000/from=memory +1 +session_timeout +400 +400 +2500000 +0\.000 +0\.50 +2\.00`,
		`100 +1 +64 +1\.2`,
		`1,000,000 sessions: ns/span +300 +≤ 250 +MISSED`,
		`times the gain of the walk +0\.83 +≥ 0\.9 +MISSED`,
	} {
		require.Regexp(t, line, out.String())
	}

	// The same on a machine that somebody else uses, too.
	for run, m := range r.traces[traceKey{ofSessionTimeout, hundredThousand, 1}] {
		m.wall *= 2
		r.traces.add(ofSessionTimeout, hundredThousand, 1, run, m)
	}
	out.Reset()
	r.print(&out)
	require.Contains(t, out.String(), "Other work had the processors for 50 % of the time")
}
