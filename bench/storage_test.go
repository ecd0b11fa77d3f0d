package bench

import (
	"context"
	"errors"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/extension/storage/filestorage"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/extension/extensiontest"
	"go.opentelemetry.io/collector/extension/xextension/storage"
)

// spansPerSecond is the traffic that goes on beside checkpoints.
const spansPerSecond = 100_000

// storing is a host with a file_storage that notes when a checkpoint is
// complete.
type storing struct {
	component.Host
	id        component.ID
	extension *noted
}

func (h *storing) GetExtensions() map[component.ID]component.Component {
	return map[component.ID]component.Component{h.id: h.extension}
}

// noted is a storage extension whose clients note when a head, the last of a
// checkpoint, is stored.
type noted struct {
	storage.Extension
	mu    sync.Mutex
	heads []time.Time
}

type notedClient struct {
	storage.Client
	of *noted
}

func (n *noted) GetClient(ctx context.Context, kind component.Kind, id component.ID, name string) (storage.Client, error) {
	c, err := n.Extension.GetClient(ctx, kind, id, name)
	return &notedClient{c, n}, err
}

func (c *notedClient) Batch(ctx context.Context, ops ...*storage.Operation) error {
	err := c.Client.Batch(ctx, ops...)
	for _, op := range ops {
		if op.Type == storage.Set && op.Key == "head" {
			c.of.mu.Lock()
			c.of.heads = append(c.of.heads, time.Now())
			c.of.mu.Unlock()
		}
	}
	return err
}

// stored is how many checkpoints are complete, and when the last one was.
func (n *noted) stored() (int, time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if len(n.heads) == 0 {
		return 0, time.Time{}
	}
	return len(n.heads), n.heads[len(n.heads)-1]
}

func startStorage(dir string) (*storing, error) {
	f := filestorage.NewFactory()
	cfg := f.CreateDefaultConfig().(*filestorage.Config)
	cfg.Directory = dir
	set := extensiontest.NewNopSettings(f.Type())
	e, err := f.Create(context.Background(), set, cfg)
	if err != nil {
		return nil, err
	}
	if err := e.Start(context.Background(), componenttest.NewNopHost()); err != nil {
		return nil, err
	}
	return &storing{componenttest.NewNopHost(), set.ID, &noted{Extension: e.(storage.Extension)}}, nil
}

// taken is one batch: when it came, and how long it took from when it was due,
// where the one before it made it wait.
type taken struct {
	at   time.Time
	took time.Duration
}

// checkpointed is when one checkpoint was being written.
type checkpointed struct{ from, to time.Time }

// runStorage measures the processor with a file_storage, beside traffic: its
// checkpoints, the memory that they take, its stop and its start anew.
func runStorage(s scale) (values, error) {
	host, err := startStorage(s.dir)
	if err != nil {
		return nil, err
	}
	l := load{sessions: s.sessions, batches: fewBatches, spans: batchSpans, storage: host}
	m, err := newMeter(l, startSessionTimeout)
	if err != nil {
		return nil, err
	}
	if err := m.warm(); err != nil {
		return nil, err
	}
	debug.FreeOSMemory()
	of := values{}
	batches, all, err := m.beside(host.extension, s.load, of)
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("no checkpoint was complete")
	}
	seconds := make([]float64, len(all))
	for i, c := range all {
		seconds[i] = c.to.Sub(c.from).Seconds()
	}
	of["checkpoint-s"], _ = median(seconds)
	of["checkpoints"] = float64(len(all))
	with, without := split(batches, all)
	of["p99-beside-ms"], of["p99-without-ms"] = p99(with), p99(without)
	of["checkpoint-p99"] = p99(with) / p99(without)

	metrics, err := m.subject.metrics()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(
		expect("facts", metrics.sum("facts"), int64(m.spans)), expect("findings", metrics.sum("findings_pending"), 0),
		expect("sessions", metrics.sum("sessions"), int64(s.sessions))); err != nil {
		return nil, err
	}
	began := time.Now()
	if err := m.subject.stop(); err != nil {
		return nil, err
	}
	of["last-checkpoint-s"] = time.Since(began).Seconds()
	m = nil //nolint:wastedassign // what is resident is measured without it
	debug.FreeOSMemory()

	began = time.Now()
	again, err := startSessionTimeout(l)
	if err != nil {
		return nil, err
	}
	of["restore-s"] = time.Since(began).Seconds()
	if metrics, err = again.metrics(); err != nil {
		return nil, err
	}
	return of, errors.Join(expect("sessions restored", metrics.sum("sessions"), int64(s.sessions)), again.stop())
}

// beside lets traffic go on for so long, and returns what each batch took and
// when checkpoints were written.
func (m *meter) beside(n *noted, length time.Duration, of values) (batches []taken, all []checkpointed, err error) {
	const every = time.Second * batchSpans / spansPerSecond
	if err := resetPeak(); err != nil {
		return nil, nil, err
	}
	metrics, err := m.subject.metrics()
	if err != nil {
		return nil, nil, err
	}
	before, _ := n.stored()
	known, written := before, metrics.seconds("checkpoint_duration")
	var most, own int64 // resident while no checkpoint is written, and without the storage's file
	began := time.Now()
	for i := 0; ; i++ {
		due := began.Add(time.Duration(i) * every)
		if due.Sub(began) > length {
			break
		}
		b := m.batches[i%len(m.batches)]
		m.source.Renew(b)
		start := time.Now()
		if wait := due.Sub(start); wait > 0 {
			time.Sleep(wait)
			start = time.Now()
		} else if i > 0 {
			start = due // it waited for the one before it
		}
		m.consume(b)
		m.count(1)
		batches = append(batches, taken{start, time.Since(start)})
		if i%32 > 0 {
			continue
		}
		now, err := readMemory()
		if err != nil {
			return nil, nil, err
		}
		own = max(own, now.resident-now.files)
		if len(all) == 0 {
			most = max(most, now.resident)
		}
		if count, at := n.stored(); count > known {
			metrics, err := m.subject.metrics()
			if err != nil {
				return nil, nil, err
			}
			took := metrics.seconds("checkpoint_duration") - written
			known, written = count, written+took
			all = append(all, checkpointed{at.Add(-time.Duration(took * float64(time.Second))), at})
		}
	}
	now, err := readMemory()
	if err != nil {
		return nil, nil, err
	}
	if now.peak > 0 {
		of["checkpoint-peak-MB"], of["checkpoint-peak-own-MB"] = float64(now.peak)/1e6, float64(own)/1e6
		of["load-peak-MB"] = float64(most) / 1e6
	}
	return batches, all, m.err()
}

// split tells the batches beside a checkpoint from the others.
func split(batches []taken, all []checkpointed) (with, without []taken) {
	for _, b := range batches {
		if slices.ContainsFunc(all, func(c checkpointed) bool { return b.at.Before(c.to) && b.at.Add(b.took).After(c.from) }) {
			with = append(with, b)
		} else {
			without = append(without, b)
		}
	}
	return with, without
}

// p99 is what 99 of 100 batches stay below, in milliseconds.
func p99(all []taken) float64 {
	if len(all) == 0 {
		return 0
	}
	slices.SortFunc(all, func(a, b taken) int { return int(a.took - b.took) })
	return float64(all[len(all)*99/100].took) / 1e6
}
