package sessiontimeout

import (
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
)

type tracesProcessor struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Traces
}

type logsProcessor struct {
	component.StartFunc
	component.ShutdownFunc
	consumer.Logs
}
