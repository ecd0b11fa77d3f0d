package alerts

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// intake is what one batch of logs brought.
type intake struct {
	seen    [fact.StateCount]int64
	refused int64
	invalid map[findinglog.Flaw]int64
	raised  []identity
}

func (in *intake) take(t *table, resource pcommon.Map, records plog.LogRecordSlice) {
	now := time.Now()
	for _, record := range records.All() {
		if record.EventName() != findinglog.Event {
			continue
		}
		f, wrong := readFinding(resource, record)
		if wrong != findinglog.Flawless {
			if in.invalid == nil {
				in.invalid = map[findinglog.Flaw]int64{}
			}
			in.invalid[wrong]++
			continue
		}
		in.seen[f.state]++
		switch t.apply(f, now) {
		case raised:
			in.raised = append(in.raised, f.identity)
		case refused:
			in.refused++
		}
	}
}

func (in *intake) empty() bool {
	return in.seen == [fact.StateCount]int64{} && in.invalid == nil
}

func (in *intake) report(ctx context.Context, m *telemetry) {
	for state, n := range in.seen {
		m.seen(ctx, fact.State(state), n)
	}
	for wrong, n := range in.invalid {
		m.invalid(ctx, wrong, n)
		m.dropped(ctx, reasonInvalid, n)
	}
	m.dropped(ctx, reasonLimit, in.refused)
}
