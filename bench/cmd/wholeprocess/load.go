package main

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/otelcol-session/otelcol-session/bench/internal/traffic"
)

// load is what a collector gets.
type load struct {
	spans, sessions, batch, senders int
}

// send sends all of it, as fast as it is taken.
func (l load) send(ctx context.Context, address string) error {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return err
	}
	defer conn.Close()
	client := ptraceotlp.NewGRPCClient(conn)
	var left atomic.Int64
	left.Store(int64(l.spans))
	var senders sync.WaitGroup
	errs := make([]error, l.senders)
	for i := range errs {
		senders.Go(func() { errs[i] = l.sender(ctx, client, i, &left) })
	}
	senders.Wait()
	return errors.Join(errs...)
}

// sender sends batch after batch, each of one of some services.
func (l load) sender(ctx context.Context, client ptraceotlp.GRPCClient, n int, left *atomic.Int64) error {
	source := traffic.NewSource(l.sessions, uint64(n))
	var batches []*traffic.Batch
	for i := range 8 {
		batches = append(batches, source.Batch(i, l.batch))
	}
	for i := 0; ; i++ {
		before := left.Add(-int64(l.batch)) + int64(l.batch)
		if before <= 0 {
			return nil
		}
		b := batches[i%len(batches)]
		if before < int64(l.batch) { // what is left over
			b = source.Batch(i, int(before))
		}
		source.Renew(b)
		res, err := client.Export(ctx, ptraceotlp.NewExportRequestFromTraces(b.Traces))
		if err != nil {
			return err
		}
		if m := res.PartialSuccess().ErrorMessage(); m != "" {
			return errors.New(m)
		}
	}
}
