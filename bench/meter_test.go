package bench

import (
	"context"
	"fmt"
	"runtime"
	"runtime/pprof"
	"sync"
	"sync/atomic"
	"time"

	"github.com/otelcol-session/otelcol-session/bench/internal/traffic"
)

// load is what a subject is driven with.
type load struct {
	sessions int
	// batches are renewed together, then consumed together.
	batches int
	spans   int // of a batch
	// recent is max_recent_requests, where it is not the default.
	recent int
	// storage keeps what is known, if there is one.
	storage *storing
}

// meter drives batches through one subject and measures nothing but that.
type meter struct {
	subject *subject
	source  *traffic.Source
	batches []*traffic.Batch
	spans   int // consumed since the start
	failed  atomic.Pointer[error]
}

// measured is what some batches cost.
type measured struct {
	spans     int
	wall, cpu time.Duration
	mallocs   uint64
}

func newMeter(l load, start func(load) (*subject, error)) (*meter, error) {
	s, err := start(l)
	if err != nil {
		return nil, err
	}
	m := &meter{subject: s, source: traffic.NewSource(l.sessions, 1)}
	for n := range l.batches {
		m.batches = append(m.batches, m.source.Batch(n, l.spans))
	}
	return m, nil
}

// warm brings the subject to where it will be measured: all sessions are known
// and everything that fills once is full.
func (m *meter) warm() error {
	label(warming)
	defer label(resting)
	for m.spans < m.subject.warm {
		for _, b := range m.batches {
			m.source.Renew(b)
			m.consume(b)
		}
		m.count(len(m.batches))
	}
	return m.err()
}

// run measures n batches, consumed by as many goroutines at a time as Go runs
// at a time.
func (m *meter) run(n int) (measured, error) {
	workers := runtime.GOMAXPROCS(0)
	var sum measured
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for left := n; left > 0; {
		round := m.batches[:min(left, len(m.batches))]
		left -= len(round)
		label(renewing)
		for _, b := range round {
			m.source.Renew(b)
		}
		label(measuring)
		cpu, wall := cpuTime(), time.Now()
		if workers == 1 {
			for _, b := range round {
				m.consume(b)
			}
		} else {
			m.share(round, workers)
		}
		sum.wall += time.Since(wall)
		sum.cpu += cpuTime() - cpu
		sum.spans += m.count(len(round))
	}
	label(resting)
	runtime.ReadMemStats(&after)
	sum.mallocs = after.Mallocs - before.Mallocs
	return sum, m.err()
}

// share lets workers take batches of the round until none is left.
func (m *meter) share(round []*traffic.Batch, workers int) {
	var next atomic.Int32
	var done sync.WaitGroup
	work := func() {
		for {
			i := int(next.Add(1)) - 1
			if i >= len(round) {
				return
			}
			m.consume(round[i])
		}
	}
	for range workers - 1 {
		done.Go(work)
	}
	work()
	done.Wait()
}

func (m *meter) consume(b *traffic.Batch) {
	if err := m.subject.consume(context.Background(), b.Traces); err != nil {
		m.failed.Store(&err)
	}
}

func (m *meter) err() error {
	if err := m.failed.Load(); err != nil {
		return fmt.Errorf("%s refused a batch: %w", m.subject.name, *err)
	}
	return nil
}

// count adds the spans of n batches.
func (m *meter) count(n int) int {
	spans := n * m.batches[0].Len()
	m.spans += spans
	return spans
}

// close stops the subject and says whether it did its work.
func (m *meter) close() error {
	if err := m.subject.verify(m.spans); err != nil {
		return fmt.Errorf("%s: %w", m.subject.name, err)
	}
	return nil
}

// The phases that a CPU profile tells apart.
var (
	resting   = phase("resting")
	warming   = phase("warming")
	renewing  = phase("renewing")
	measuring = phase("measuring")
)

func phase(name string) context.Context {
	return pprof.WithLabels(context.Background(), pprof.Labels("phase", name))
}

// label names what this goroutine, and those that it starts, do from here on.
func label(phase context.Context) { pprof.SetGoroutineLabels(phase) }

func (m measured) wallPerSpan() float64    { return float64(m.wall) / float64(m.spans) }
func (m measured) cpuPerSpan() float64     { return float64(m.cpu) / float64(m.spans) }
func (m measured) spansPerSecond() float64 { return float64(m.spans) / m.wall.Seconds() }
func (m measured) mallocsPerSpan() float64 { return float64(m.mallocs) / float64(m.spans) }

// waited is the part of the time on the wall in which one core did not work for
// us.
func (m measured) waited() float64 {
	if m.cpu == 0 {
		return 0
	}
	return 1 - float64(m.cpu)/float64(m.wall)
}
