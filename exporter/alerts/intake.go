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
	invalid, refused                   int64
	raised                             []identity
}

func (in *intake) take(t *table, resource pcommon.Map, records plog.LogRecordSlice) {
	now := time.Now()
	for _, record := range records.All() {
		if record.EventName() != findingEvent {
			continue
		}
		f, err := readFinding(resource, record)
		if err != nil {
			in.invalid++
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
	return in.confirmed+in.retracted+in.inconclusive+in.invalid == 0
}

func (in *intake) report(ctx context.Context, m *telemetry) {
	m.seen(ctx, stateConfirmed, in.confirmed)
	m.seen(ctx, stateRetracted, in.retracted)
	m.seen(ctx, stateInconclusive, in.inconclusive)
	m.dropped(ctx, reasonInvalid, in.invalid)
	m.dropped(ctx, reasonLimit, in.refused)
}
