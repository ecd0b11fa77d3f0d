package sessiontimeout

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// crowd is what so many services serve under so many policies: of each, a session
// with every verdict that there is and violations of every type.
type crowd struct {
	services, policies int
	traces             ptrace.Traces
	logs               plog.Logs
	requests           int64
}

func newCrowd(services, policies int) *crowd {
	return &crowd{services: services, policies: policies, traces: ptrace.NewTraces(), logs: plog.NewLogs()}
}

func (c *crowd) config(cfg *Config) {
	one := cfg.Policies[0]
	one.AbsoluteTimeout = 3 * time.Hour
	cfg.Policies = nil
	for i := range c.policies {
		p := one
		p.Name = fmt.Sprintf("p%d", i)
		p.Match = map[string][]string{"http.route": {fmt.Sprintf("/p%d", i)}}
		cfg.Policies = append(cfg.Policies, p)
	}
	cfg.MaxSessions, cfg.MaxRecentRequests = 1_000_000, 1_000_000
	cfg.DecisionWait, cfg.IdleDecisionWait, cfg.ReorderWindow = 0, 0, 3*time.Hour
}

// serve adds a session of each service and policy, idle for so long before its last
// request, with these statuses in between.
func (c *crowd) serve(now time.Time, from int) {
	for s := from; s < c.services; s++ {
		rs := c.traces.ResourceSpans().AppendEmpty()
		rs.Resource().Attributes().PutStr("service.name", fmt.Sprintf("s%03d", s))
		spans := rs.ScopeSpans().AppendEmpty().Spans()
		rl := c.logs.ResourceLogs().AppendEmpty()
		rs.Resource().CopyTo(rl.Resource())
		records := rl.ScopeLogs().AppendEmpty().LogRecords()
		for p := range c.policies {
			id := fmt.Sprintf("session %d of %d", p, s)
			event := func(ago time.Duration, session, name, previous string) {
				r := records.AppendEmpty()
				r.SetEventName(name)
				r.SetTimestamp(pcommon.NewTimestampFromTime(now.Add(-ago)))
				r.Attributes().PutStr("session.id", session)
				if previous != "" {
					r.Attributes().PutStr("session.previous_id", previous)
				}
			}
			request := func(ago time.Duration, session string, status int64) {
				span := spans.AppendEmpty()
				span.SetKind(ptrace.SpanKindServer)
				span.SetStartTimestamp(pcommon.NewTimestampFromTime(now.Add(-ago)))
				span.SetEndTimestamp(span.StartTimestamp())
				a := span.Attributes()
				a.PutStr("session.id", session)
				a.PutStr("http.route", fmt.Sprintf("/p%d", p))
				a.PutInt("http.response.status_code", status)
				c.requests++
			}
			request(2*time.Hour, id, 200) // in_time
			request(119*time.Minute, id, 401)
			request(118*time.Minute, id, 500)
			request(0, id, 200)
			request(2*time.Hour, id+" ended", 200)
			event(30*time.Minute, id+" ended", "session.end", "")
			request(20*time.Minute, id+" ended", 200)
			request(19*time.Minute, id+" ended", 401)
			event(29*time.Minute, id+" new", "session.start", id+" rotated")
			request(10*time.Minute, id+" rotated", 200)
			event(60*time.Minute, id+" old", "session.start", "")
			request(50*time.Minute, id+" old", 200)
			request(45*time.Minute, id+" old", 401) // no silence, so it is the age
		}
	}
}

// TestSeriesAreBounded: with the SDK's default limits none of our instruments
// ever overflows, whatever the number of policies and services: services that are
// too many are _other, and nothing that was counted is lost or moved.
func TestSeriesAreBounded(t *testing.T) {
	run := func(policies, services, limit int) {
		t.Run(fmt.Sprintf("%d policies, %d services of %d", policies, limit, services), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { seriesAreBounded(t, services, policies, limit) })
		})
	}
	run(1, 901, 200)
	run(1, 901, 1000)
	run(3, 901, 200)
	for _, policies := range []int{1, 2, 4, 7, 10, 19, 21, 38, 63, fact.MaxPolicies} {
		run(policies, 1900/(2*policies)+5, 5000) // more than any of the instruments by policy shows
	}
}

func seriesAreBounded(t *testing.T, services, policies, limit int) {
	t.Helper()
	c := newCrowd(services, policies)
	r := newRig(t, c.config, func(cfg *Config) { cfg.MaxServices = limit })
	traces, logs := r.traces(), r.logs()
	start(t, traces, logs)
	ctx := context.Background()
	for half := range 2 { // the second finds that others are shown
		c.services = services / (2 - half)
		c.traces, c.logs = ptrace.NewTraces(), plog.NewLogs()
		c.serve(time.Now(), half*(services/2))
		require.NoError(t, logs.ConsumeLogs(ctx, c.logs))
		require.NoError(t, traces.ConsumeTraces(ctx, c.traces))
		time.Sleep(2 * tick)
	}

	of := map[string]map[string]bool{} // services by instrument
	eachSeries(t, r, func(instrument string, s attribute.Set) {
		_, over := s.Value("otel.metric.overflow")
		require.False(t, over, instrument)
		if name, ok := s.Value("service_name"); ok {
			if of[instrument] == nil {
				of[instrument] = map[string]bool{}
			}
			of[instrument][name.AsString()] = true
		}
	})
	for instrument, values := range map[string]int{
		"requests": policies * int(session.VerdictCount), "violations": policies * int(fact.TypeCount),
		"records": 4, "end_propagation": 1, "effective_idle_timeout": policies * 2, "effective_absolute_timeout": policies * 2,
	} {
		names := of["otelcol_processor_session_timeout_"+instrument]
		shown := min(limit, services, 1900/values)
		require.LessOrEqual(t, len(names), shown+1, instrument)
		require.Equal(t, shown < services, names[session.OtherService], instrument)
		for i := range min(services, shown-1) { // one less where the series of _other are many
			require.True(t, names[fmt.Sprintf("s%03d", i)], "%s: who comes first is shown, s%03d", instrument, i)
		}
	}
	require.Equal(t, c.requests, r.total("requests"))
	require.Equal(t, c.requests, r.total("records"), "each has an id")
	require.Equal(t, int64(3*services*policies), r.total("violations"))
	if policies == 1 && limit == createDefaultConfig().(*Config).MaxServices {
		require.NoError(t, logs.ConsumeLogs(ctx, endRecord("session 0 of 0", time.Now()))) // whose life has a length then
		for s := range services {
			for session, at := range map[string]time.Time{"null": time.Now(), "a": time.Now().Add(time.Hour)} {
				td := requestSpan(session, at)
				td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", fmt.Sprintf("s%03d", s))
				require.NoError(t, traces.ConsumeTraces(ctx, td))
			}
		}
		time.Sleep(2 * tick)
		requireDocumented(t, r)
		require.Equal(t, int64(2*services), r.total("facts_refused"))
	}
	shutdown(t, traces, logs)
}

// requireDocumented: docs/operations.md says how many series there are at most with the
// defaults.
func requireDocumented(t *testing.T, r *rig) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", "operations.md"))
	require.NoError(t, err)
	said := map[string]int{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\w+)`.*\\| (\\d+) \\|$").FindAllSubmatch(text, -1) {
		said[string(row[1])], err = strconv.Atoi(string(row[2]))
		require.NoError(t, err)
	}
	require.Len(t, said, 10)

	var rm metricdata.ResourceMetrics
	require.NoError(t, r.telemetry.Reader.Collect(context.Background(), &rm))
	all, rest := 0, 0
	for _, sm := range rm.ScopeMetrics {
		for _, m := range sm.Metrics {
			n := len(seriesOf(t, m))
			require.Less(t, n, 2000, "the SDK's limit: %s", m.Name)
			if h, is := m.Data.(metricdata.Histogram[float64]); is {
				n *= len(h.DataPoints[0].Bounds) + 3 // the bucket without a bound, the sum and the count
			}
			name := strings.TrimPrefix(m.Name, "otelcol_processor_session_timeout_")
			if _, is := said[name]; !is {
				rest += n
				continue
			}
			most := said[name]
			switch name {
			case "overrun": // what the crowd does is of three types
				n = n / 3 * int(fact.TypeCount)
			case "facts_refused": // for two reasons, beside the zeros of _other
				n = (n - (refusedReasons - 2)) / 2 * refusedReasons
			}
			require.Equal(t, most, n, name)
			all += most
		}
	}
	require.Contains(t, string(text), fmt.Sprintf("%d series in all", all))
	require.Less(t, rest, 200)
}

// total is the sum of all series of a counter.
func (r *rig) total(name string) (sum int64) {
	r.t.Helper()
	for _, n := range r.counts(name) {
		sum += n
	}
	return sum
}

// TestShownServicesStay: which services are shown depends on who came first, and a
// restart changes nothing of it.
func TestShownServicesStay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		serve := func(r *rig, names ...string) map[string]map[string]bool {
			in, out := r.traces(), r.logs()
			require.NoError(t, in.Start(context.Background(), m.host()))
			require.NoError(t, out.Start(context.Background(), m.host()))
			for _, name := range names {
				td := requestSpan("session of "+name, time.Now())
				td.ResourceSpans().At(0).Resource().Attributes().PutStr("service.name", name)
				require.NoError(t, in.ConsumeTraces(context.Background(), td))
			}
			time.Sleep(2 * tick)
			shown := map[string]map[string]bool{"requests": {}, "records": {}}
			for instrument := range shown {
				for key := range r.counts(instrument) {
					for word := range strings.FieldsSeq(key) {
						if strings.HasPrefix(word, "s") || word == session.OtherService {
							shown[instrument][word] = true
						}
					}
				}
			}
			shutdown(t, in, out)
			return shown
		}
		few := func(c *Config) { c.MaxServices, c.DecisionWait, c.IdleDecisionWait = 2, 0, 0 }
		want := map[string]bool{"s1": true, "s2": true, session.OtherService: true}
		for _, names := range [][]string{{"s1", "s2", "s3"}, {"s3", "s4", "s2", "s1"}} {
			shown := serve(newRig(t, stored, few), names...)
			require.Equal(t, want, shown["requests"])
			require.Equal(t, want, shown["records"])
		}
	})
}
