package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
)

const (
	// bodySize is what an OTLP receiver takes in one HTTP request, unpacked,
	// unless its configuration says otherwise. It is what gRPC takes by default.
	// In 20 MiB, the receiver's own default, values can be nested so deeply that
	// reading them overflows the stack, which ends the process.
	bodySize = 4 << 20
	// mostBodySize is what is still known to be safe.
	mostBodySize = 8 << 20
)

// limitBodies returns a converter that sets max_request_body_size to bodySize on
// OTLP receivers over HTTP that do not set it, and says so in the log.
func limitBodies() confmap.ConverterFactory {
	return confmap.NewConverterFactory(func(set confmap.ConverterSettings) confmap.Converter {
		return bodies{set.Logger}
	})
}

type bodies struct{ logger *zap.Logger }

func (b bodies) Convert(_ context.Context, conf *confmap.Conf) error {
	for _, id := range otlpReceivers(conf) {
		path := "receivers::" + id + "::protocols::http"
		if !conf.IsSet(path) || positive(conf.Get(path+"::max_request_body_size")) {
			continue
		}
		var limit any = map[string]any{"max_request_body_size": bodySize}
		for _, key := range []string{"http", "protocols", id, "receivers"} {
			limit = map[string]any{key: limit}
		}
		if err := conf.Merge(confmap.NewFromStringMap(limit.(map[string]any))); err != nil {
			return err
		}
		b.logger.Info("This distribution takes no larger bodies unless told to",
			zap.String("key", path+"::max_request_body_size"), zap.Int("bytes", bodySize))
	}
	for _, warning := range pipelineWarnings(conf) {
		b.logger.Warn(warning)
	}
	return nil
}

// largeBodies warns of limits beyond which a request can end the process.
func largeBodies(conf *confmap.Conf) (warnings []string) {
	for _, id := range otlpReceivers(conf) {
		for key, unit := range map[string]int{"http::max_request_body_size": 1, "grpc::max_recv_msg_size_mib": 1 << 20} {
			path := "receivers::" + id + "::protocols::" + key
			if n, ok := conf.Get(path).(int); ok && n > mostBodySize/unit {
				warnings = append(warnings, fmt.Sprintf("%s: in so much, values can be nested so deeply that reading them ends the process: "+
					"take no more than %d (got %d)", path, mostBodySize/unit, n))
			}
		}
	}
	slices.Sort(warnings)
	return warnings
}

// otlpReceivers are the ids of the OTLP receivers that conf defines, sorted.
func otlpReceivers(conf *confmap.Conf) (ids []string) {
	receivers, _ := conf.Get("receivers").(map[string]any)
	for _, id := range slices.Sorted(maps.Keys(receivers)) {
		if kind, _, _ := strings.Cut(id, "/"); strings.TrimSpace(kind) == "otlp" {
			ids = append(ids, id)
		}
	}
	return ids
}

// positive reports whether value is what a receiver takes for a limit, or what
// it will refuse.
func positive(value any) bool {
	n, ok := value.(int)
	return value != nil && (!ok || n > 0)
}
