package alerts

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// intake is what one batch of logs brought.
type intake struct {
	confirmed, retracted, inconclusive int64
	refused                            int64
	invalid                            map[flaw]int64
	raised                             []identity
}

func (in *intake) take(t *table, resource pcommon.Map, records plog.LogRecordSlice) {
	now := time.Now()
	for _, record := range records.All() {
		if record.EventName() != findingEvent {
			continue
		}
		f, wrong := readFinding(resource, record)
		if wrong != flawless {
			if in.invalid == nil {
				in.invalid = map[flaw]int64{}
			}
			in.invalid[wrong]++
			continue
		}
		switch f.state {
		case stateConfirmed:
			in.confirmed++
		case stateRetracted:
			in.retracted++
		case stateInconclusive:
			in.inconclusive++
		}
		switch t.apply(f, now) {
		case raised:
			in.raised = append(in.raised, f.identity)
		case refused:
			in.refused++
		}
	}
}

func (in *intake) empty() bool {
	return in.confirmed+in.retracted+in.inconclusive == 0 && in.invalid == nil
}

func (in *intake) report(ctx context.Context, m *telemetry) {
	m.seen(ctx, stateConfirmed, in.confirmed)
	m.seen(ctx, stateRetracted, in.retracted)
	m.seen(ctx, stateInconclusive, in.inconclusive)
	for wrong, n := range in.invalid {
		m.invalid(ctx, wrong, n)
		m.dropped(ctx, reasonInvalid, n)
	}
	m.dropped(ctx, reasonLimit, in.refused)
}
