package alerts

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/pdata/plog"
)

// Run them with
//
//	go test -run=none -bench=. -cpu=1,2 ./exporter/alerts
//
// records/s is what one exporter takes in; each ConsumeLogs has a batch of 1,024 records. Alertmanager is
// answered for in the process, and hears of an alert once.

const benchRecords = 1024

// BenchmarkConsumeOtherLogs is what logs pay that are no findings.
func BenchmarkConsumeOtherLogs(b *testing.B) {
	batch := otherLogs(benchRecords)
	benchmarkConsume(b, func() plog.Logs { return batch })
}

// BenchmarkConsumeKnownFindings has findings that are delivered again.
func BenchmarkConsumeKnownFindings(b *testing.B) {
	batch := findings()
	benchmarkConsume(b, func() plog.Logs { return batch })
}

// BenchmarkConsumeGrowingFindings has findings that grow each time.
func BenchmarkConsumeGrowingFindings(b *testing.B) {
	batch := findings()
	revision := int64(0)
	benchmarkConsume(b, func() plog.Logs {
		revision++
		for _, resource := range batch.ResourceLogs().All() {
			resource.ScopeLogs().At(0).LogRecords().At(0).Attributes().PutInt("session_timeout.revision", revision)
		}
		return batch
	})
}

// BenchmarkAlert is what a renewal of an alert with many findings costs.
func BenchmarkAlert(b *testing.B) {
	e := newBenchExporter(b)
	require.NoError(b, e.ConsumeLogs(b.Context(), findings()))
	id := e.table.live(time.Now())[0]
	b.ReportAllocs()
	for b.Loop() {
		a, _ := e.table.alert(id, time.Now())
		if a.sessions == 0 {
			b.Fatal("no sessions")
		}
	}
}

// findings is a batch of findings of as many sessions, in ten alerts.
func findings() plog.Logs {
	violations := make([]violation, benchRecords)
	for i := range violations {
		violations[i] = violation{id: numbered(i), session: numbered(i), service: numbered(i % 10), first: time.Now()}
	}
	return logs(violations...)
}

func newBenchExporter(b *testing.B) *alertsExporter {
	b.Helper()
	e := newNopExporter(b, createDefaultConfig().(*Config))
	e.targets[0].newClient = func(context.Context, component.Host) (*http.Client, error) {
		return &http.Client{Transport: newAlertmanager()}, nil
	}
	require.NoError(b, e.Start(b.Context(), componenttest.NewNopHost()))
	b.Cleanup(func() { require.NoError(b, e.Shutdown(context.Background())) })
	return e
}

func benchmarkConsume(b *testing.B, next func() plog.Logs) {
	b.Helper()
	e := newBenchExporter(b)
	b.ReportAllocs()
	batches := 0
	for b.Loop() {
		if err := e.ConsumeLogs(b.Context(), next()); err != nil {
			b.Fatal(err)
		}
		batches++
	}
	b.ReportMetric(float64(batches)*benchRecords/b.Elapsed().Seconds(), "records/s")
	_, held := e.table.occupancy(time.Now())
	require.Contains(b, []int{0, benchRecords}, held)
}
