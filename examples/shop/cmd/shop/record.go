package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/otelcol-session/otelcol-session/examples/shop/sink"
)

// record plays against a receiver of its own and leaves in the folder what came
// in, as the collector's file exporter writes it, and expected.json beside it.
func record(ctx context.Context, s settings) error {
	if err := os.MkdirAll(s.record, 0o755); err != nil {
		return err
	}
	received, err := sink.Start(ctx)
	if err != nil {
		return err
	}
	s.shop.Collector = received.URL
	report, err := play(ctx, s)
	if err := errors.Join(err, received.Close()); err != nil {
		return err
	}
	return errors.Join(
		received.Write(s.record),
		write(report, filepath.Join(s.record, "expected.json")),
	)
}
