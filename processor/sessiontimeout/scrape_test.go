package sessiontimeout

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// TestScrapeIsOneInstant: what one scrape shows was true at one moment, beside
// batches that are taken: every session that came is held or was forgotten.
func TestScrapeIsOneInstant(t *testing.T) {
	r := newRig(t)
	p := newTestShared(t, r)
	require.NoError(t, p.start(context.Background(), newMemory(nil).host()))
	ctx, cancel := context.WithCancel(context.Background())
	var senders sync.WaitGroup
	senders.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			_, err := p.processTraces(context.Background(), requestSpan(fmt.Sprint("session ", n), time.Now()))
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	last := int64(0)
	for scrapes := 0; scrapes < 50; {
		var rm metricdata.ResourceMetrics
		require.NoError(t, r.telemetry.Reader.Collect(ctx, &rm))
		sum := func(name string) (n int64) {
			for _, sm := range rm.ScopeMetrics {
				for _, m := range sm.Metrics {
					if m.Name != "otelcol_processor_session_timeout_"+name {
						continue
					}
					switch d := m.Data.(type) {
					case metricdata.Sum[int64]:
						for _, p := range d.DataPoints {
							n += p.Value
						}
					case metricdata.Gauge[int64]:
						n += d.DataPoints[0].Value
					}
				}
			}
			return n
		}
		facts := sum("facts")
		require.Equal(t, facts, sum("sessions")+sum("sessions_evicted"), "after %d scrapes", scrapes)
		if facts > last { // or nothing has moved meanwhile
			last = facts
			scrapes++
		}
	}
	cancel()
	senders.Wait()
	require.NoError(t, p.stop(context.Background()))
	require.Empty(t, r.counts("facts"), "nothing is left to be read")
}
