package sessionconsole

import (
	"context"
	"errors"
	"net"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/component/componentstatus"
	"go.opentelemetry.io/collector/extension"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	nooptrace "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// stateEvery is how often streams are sent the state.
const stateEvery = time.Second

// consoleExtension serves the page and its API. Safe for concurrent use from Start to
// Shutdown; Register may come before Start.
type consoleExtension struct {
	cfg       *Config
	set       extension.Settings
	ring      *ring
	streams   *streams
	started   time.Time
	run       string // tells this start of the collector from others
	telemetry *telemetry

	server  *http.Server
	address net.Addr // where it listens, from Start on
	halt    context.CancelFunc
	loops   sync.WaitGroup

	mu struct {
		sync.Mutex
		engines []*engine // in the order of their ids
	}
}

var (
	_ extension.Extension = (*consoleExtension)(nil)
	_ console.Registry    = (*consoleExtension)(nil)
)

func newExtension(set extension.Settings, cfg *Config) (*consoleExtension, error) {
	now := time.Now()
	x := &consoleExtension{
		cfg: cfg, set: set, ring: newRing(cfg.History), streams: newStreams(),
		started: now, run: strconv.FormatInt(now.UnixNano(), 36), halt: func() {},
	}
	var err error
	x.telemetry, err = newTelemetry(x)
	return x, err
}

// History is how many findings are shown.
func (x *consoleExtension) History() int { return x.cfg.History }

// Register begins to show an engine. One of the same id that has stopped gives way to it.
func (x *consoleExtension) Register(id component.ID, asked console.Engine) console.Sink {
	e := &engine{id: id.String(), description: asked.Describe(), extension: x}
	e.mu.asked = asked
	now := time.Now()
	counts, _ := e.counts(now)
	e.past.note(now, counts)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.mu.engines = slices.DeleteFunc(x.mu.engines, func(o *engine) bool { return o.id == e.id })
	i, _ := slices.BinarySearchFunc(x.mu.engines, e.id, func(o *engine, id string) int {
		if o.id < id {
			return -1
		}
		return 1
	})
	x.mu.engines = slices.Insert(x.mu.engines, i, e)
	return e
}

// list returns the engines.
func (x *consoleExtension) list() []*engine {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.mu.engines)
}

// Start listens.
func (x *consoleExtension) Start(ctx context.Context, host component.Host) error {
	// A span of a page that stays open lasts for hours, and one a second for the page is noise.
	quiet := x.set.TelemetrySettings
	quiet.TracerProvider, quiet.MeterProvider = nooptrace.NewTracerProvider(), noopmetric.NewMeterProvider()
	name, _, _ := net.SplitHostPort(x.cfg.ServerConfig.NetAddr.Endpoint)
	protected := guard{next: x.handler(), loopback: isLoopback(name)}
	server, err := x.cfg.ServerConfig.ToServer(ctx, host.GetExtensions(), quiet, protected, unauthorized(x.cfg))
	if err != nil {
		return err
	}
	listener, err := x.cfg.ServerConfig.ToListener(ctx)
	if err != nil {
		return err
	}
	x.server, x.address = server, listener.Addr()
	x.loops.Go(func() {
		if err := server.Serve(listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
			componentstatus.ReportStatus(host, componentstatus.NewFatalErrorEvent(err))
		}
	})
	running, halt := context.WithCancel(context.Background())
	x.halt = halt
	x.loops.Go(func() { x.keepTelling(running) })
	x.set.Logger.Info("The session console listens", zap.String("url", x.url()))
	return nil
}

// url is where a browser finds the page.
func (x *consoleExtension) url() string {
	scheme := "http"
	if x.cfg.ServerConfig.TLS.HasValue() {
		scheme = "https"
	}
	return scheme + "://" + x.address.String() + "/"
}

// keepTelling notes what the engines count, and tells streams, if there are any.
func (x *consoleExtension) keepTelling(running context.Context) {
	t := time.NewTicker(stateEvery)
	defer t.Stop()
	noted := time.Now()
	for {
		select {
		case <-running.Done():
			return
		case now := <-t.C:
			if x.streams.open() > 0 {
				x.announce(now)
			}
			if now.Sub(noted) >= sampleEvery {
				noted = now
				for _, e := range x.list() {
					counts, _ := e.counts(now)
					e.past.note(now, counts)
				}
			}
		}
	}
}

// Shutdown ends the streams first, for which the server would wait.
func (x *consoleExtension) Shutdown(ctx context.Context) error {
	x.halt()
	x.streams.close()
	var err error
	if x.server != nil {
		if err = x.server.Shutdown(ctx); err != nil {
			err = errors.Join(err, x.server.Close())
		}
	}
	x.loops.Wait()
	x.telemetry.shutdown()
	return err
}
