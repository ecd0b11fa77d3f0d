package sessiontimeout

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor"
	"go.opentelemetry.io/collector/processor/processortest"
)

// The package's tests end with a search for goroutines that were left behind:
// see generated_package_test.go.

func TestVerifyShutdown(t *testing.T) {
	r := newRig(t)
	processortest.VerifyShutdown(t, r.factory, r.cfg)
}

func TestShutdownTwice(t *testing.T) {
	for name, started := range map[string]bool{"started": true, "never started": false} {
		t.Run(name, func(t *testing.T) {
			r := newRig(t)
			traces, logs := r.traces(), r.logs()
			if started {
				start(t, traces, logs)
			}
			shutdown(t, traces, logs, traces, logs, logs, traces)
		})
	}
}

// TestOneNeverStarted: a component that fails to start keeps others from it,
// and all are shut down.
func TestOneNeverStarted(t *testing.T) {
	for _, which := range []string{"traces", "logs"} {
		t.Run(which, func(t *testing.T) {
			r := newRig(t)
			traces, logs := r.traces(), r.logs()
			if which == "traces" {
				start(t, logs)
			} else {
				start(t, traces)
			}
			shutdown(t, traces, logs)
		})
	}
}

// TestEveryOrder: instances start and stop in any order, with a violation
// pending at the end; nothing that passes is lost.
func TestEveryOrder(t *testing.T) {
	type order func(traces, logs component.Component) [2]component.Component
	tracesFirst := order(func(traces, logs component.Component) [2]component.Component {
		return [2]component.Component{traces, logs}
	})
	logsFirst := order(func(traces, logs component.Component) [2]component.Component {
		return [2]component.Component{logs, traces}
	})
	for name, orders := range map[string][2]order{
		"traces start first and stop first": {tracesFirst, tracesFirst},
		"traces start first and stop last":  {tracesFirst, logsFirst},
		"traces start last and stop first":  {logsFirst, tracesFirst},
		"traces start last and stop last":   {logsFirst, logsFirst},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRig(t)
				traces, logs := r.traces(), r.logs()
				for _, c := range orders[0](traces, logs) {
					start(t, c)
				}
				ctx := context.Background()
				require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
				require.NoError(t, logs.ConsumeLogs(ctx, endRecord("s2", time.Now())))
				time.Sleep(45 * time.Minute)
				require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
				time.Sleep(10 * time.Second)
				for _, c := range orders[1](traces, logs) {
					shutdown(t, c)
				}
				require.Equal(t, 2, r.spans.SpanCount())
				require.Len(t, r.findings(), 1)
				require.Equal(t, "inconclusive", attributeOf(r.findings()[0], "session_timeout.state"))
				require.Equal(t, "shutdown", attributeOf(r.findings()[0], "session_timeout.reason"))
				require.Equal(t, 2, r.records.LogRecordCount(), "the log record that passed, and the finding")
			})
		})
	}
}

// TestSpansAfterTheLogsPipeline: the logs pipeline stops first; what spans
// bring afterwards cannot leave and is counted.
func TestSpansAfterTheLogsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		ctx := context.Background()
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		time.Sleep(45 * time.Minute)
		shutdown(t, logs)
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		time.Sleep(2 * time.Minute)
		require.Empty(t, r.findings())
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_undelivered"))
		shutdown(t, traces)
		require.Equal(t, 2, r.spans.SpanCount())
		require.Contains(t, strings.Join(r.messages(), "\n"), "found no way out")
	})
}

// TestStartedAgain: the same configuration can be used again once all of its
// instances have stopped, with nothing left of before.
func TestStartedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		for range 2 {
			traces, logs := r.traces(), r.logs()
			start(t, traces, logs)
			require.NoError(t, traces.ConsumeTraces(context.Background(), requestSpan("s1", time.Now())))
			time.Sleep(45 * time.Minute)
			shutdown(t, traces, logs)
		}
		require.Empty(t, r.findings(), "what the first run knew is gone")
	})
}

// TestSeveralTracesPipelines: one engine for all instances of a component id,
// another one for another id.
func TestSeveralTracesPipelines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		first, second, logs := r.traces(), r.traces(), r.logs()
		other := newRig(t)
		apart := other.traces()
		start(t, first, second, logs, apart)
		ctx := context.Background()
		require.NoError(t, first.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		require.NoError(t, apart.ConsumeTraces(ctx, requestSpan("s2", time.Now())))
		time.Sleep(45 * time.Minute)
		require.NoError(t, second.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		require.NoError(t, second.ConsumeTraces(ctx, requestSpan("s2", time.Now())))
		time.Sleep(2 * time.Minute)
		require.Len(t, r.findings(), 1, "of s1; the other id's sessions are its own")
		shutdown(t, first)
		require.NoError(t, second.ConsumeTraces(ctx, requestSpan("s1", time.Now())), "the others go on")
		shutdown(t, second, logs, apart)
	})
}

// TestSecondLogsPipeline is refused as it is created, so that `validate` finds
// it, with an error that says what to do.
func TestSecondLogsPipeline(t *testing.T) {
	r := newRig(t)
	traces, logs := r.traces(), r.logs()
	second := func() (processor.Logs, error) {
		return r.factory.CreateLogs(context.Background(), r.set, r.cfg, r.records)
	}
	_, err := second()
	require.ErrorContains(t, err, "two logs pipelines")
	require.ErrorContains(t, err, "forward connector")
	require.ErrorContains(t, err, "session_timeout/2")
	start(t, traces, logs)
	shutdown(t, logs)
	again, err := second()
	require.NoError(t, err, "the first has gone")
	shutdown(t, again, traces)
}

// TestWarningsAreLogged once for all instances.
func TestWarningsAreLogged(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SessionID.HashKey = "CHANGEME-CHANGEME-CHANGEME-CHANGEME" })
	traces, logs := r.traces(), r.logs()
	start(t, traces, logs)
	require.Len(t, r.log.FilterMessageSnippet("session_id::hash_key: can be guessed").All(), 1)
	shutdown(t, traces, logs)
}

// TestNoLogsPipeline: it starts, marks and counts, and says once that findings
// have no way out.
func TestNoLogsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		traces := r.traces()
		start(t, traces)
		ctx := context.Background()
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		time.Sleep(45 * time.Minute)
		require.NoError(t, traces.ConsumeTraces(ctx, requestSpan("s1", time.Now())))
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_pending"))
		time.Sleep(2 * time.Minute)
		require.Empty(t, r.counts("findings_pending"))
		marked := r.spans.AllTraces()[1].ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().AsRaw()
		require.Equal(t, "idle_timeout", marked["session_timeout.type"])
		require.Equal(t, "suspected", marked["session_timeout.state"])
		require.Equal(t, "default", marked["session_timeout.policy"])
		require.InDelta(t, 899.99, marked["session_timeout.overrun"], 0.000_001)
		require.Equal(t, map[string]int64{"default shop idle_timeout": 1}, r.counts("violations"))
		require.Equal(t, map[string]int64{"default shop in_time": 1, "default shop violation": 1}, r.counts("requests"))
		require.Equal(t, map[string]int64{"confirmed": 1}, r.counts("findings"))
		require.Equal(t, map[string]int64{"": 1}, r.counts("findings_undelivered"))
		warnings := r.log.FilterMessageSnippet("no way out").All()
		require.Len(t, warnings, 1)
		require.Contains(t, warnings[0].Message, "logs/sessions: {receivers: [nop], processors: [session_timeout], exporters: [alerts]}")
		shutdown(t, traces)
	})
}

// TestNoWarningWithALogsPipeline: a logs pipeline that starts a moment later is one.
func TestNoWarningWithALogsPipeline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t)
		traces, logs := r.traces(), r.logs()
		start(t, traces)
		time.Sleep(100 * time.Millisecond)
		start(t, logs)
		time.Sleep(time.Hour)
		require.Equal(t, []string{"info: Nothing can be found because no telemetry has arrived."}, r.messages())
		shutdown(t, traces, logs)
	})
}

// TestCapabilities: without marks telemetry is not changed, and the processor
// says so.
func TestCapabilities(t *testing.T) {
	for _, mark := range []bool{true, false} {
		r := newRig(t, func(c *Config) { c.Mark = mark })
		traces, logs := r.traces(), r.logs()
		require.Equal(t, mark, traces.Capabilities().MutatesData)
		require.Equal(t, mark, logs.Capabilities().MutatesData)
		shutdown(t, traces, logs)
	}
}

// TestReadOnly: without marks it takes what must not be changed.
func TestReadOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, func(c *Config) { c.Mark = false })
		traces, logs := r.traces(), r.logs()
		start(t, traces, logs)
		for range 2 {
			td, ld := requestSpan("s1", time.Now()), endRecord("s1", time.Now())
			td.MarkReadOnly()
			ld.MarkReadOnly()
			require.NotPanics(t, func() {
				require.NoError(t, traces.ConsumeTraces(context.Background(), td))
				require.NoError(t, logs.ConsumeLogs(context.Background(), ld))
			})
			time.Sleep(time.Hour)
		}
		require.Len(t, r.findings(), 1)
		shutdown(t, traces, logs)
	})
}

// TestEmptyBatches pass.
func TestEmptyBatches(t *testing.T) {
	r := newRig(t)
	traces, logs := r.traces(), r.logs()
	start(t, traces, logs)
	require.NoError(t, traces.ConsumeTraces(context.Background(), ptrace.NewTraces()))
	require.NoError(t, logs.ConsumeLogs(context.Background(), plog.NewLogs()))
	require.Len(t, r.spans.AllTraces(), 1)
	require.Len(t, r.records.AllLogs(), 1)
	shutdown(t, traces, logs)
}

// TestStorageMissing: an extension that is not there, or is no storage, is
// named when it is needed.
func TestStorageMissing(t *testing.T) {
	id := component.MustNewID("file_storage")
	r := newRig(t, func(c *Config) { c.Storage, c.SessionID.HashKey = &id, "" })
	traces := r.traces()
	err := traces.Start(context.Background(), componenttest.NewNopHost())
	require.ErrorContains(t, err, "storage: ")
	require.ErrorContains(t, err, `"file_storage"`)
	shutdown(t, traces)
}

// TestRandomHashKey: without a key one is made up, and said so.
func TestRandomHashKey(t *testing.T) {
	r := newRig(t, func(c *Config) { c.SessionID.HashKey = "" })
	traces := r.traces()
	start(t, traces)
	require.Len(t, r.log.FilterMessageSnippet("session_id::hash_key is not set").All(), 1)
	shutdown(t, traces)
}
