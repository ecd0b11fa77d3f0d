package sessiontimeout

import (
	"context"
	"errors"
	"sync"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
)

var errSecondLogsPipeline = errors.New("this processor stands in two logs pipelines and cannot tell through which its findings should leave: " +
	"keep it in one, and bring the records of the other into that one with a forward connector, or give the other a processor of its own (session_timeout/2)")

// instance is the processor's place in one pipeline.
type instance struct {
	shared *shared
	leave  func() (last bool)
	next   consumer.Logs // for findings; of a logs pipeline alone
	once   sync.Once
	err    error
}

func (i *instance) start(ctx context.Context, host component.Host) error {
	if i.next != nil {
		i.shared.open(i.next)
	}
	return i.shared.start(ctx, host)
}

// shutdown is safe twice and without start. The last instance ends the processor.
func (i *instance) shutdown(ctx context.Context) error {
	i.once.Do(func() {
		if i.next != nil {
			i.shared.close(ctx, i.next)
		}
		if i.leave() {
			i.err = i.shared.stop(ctx)
		}
	})
	return i.err
}
