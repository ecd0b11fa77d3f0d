package alerts

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer/consumererror"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

var errQuiet = errors.New("not sent, since Alertmanager asked for a pause")

// target is one Alertmanager with a queue, retries and a goroutine of its own, so that one that is down
// delays no other. The goroutine asks the queue to send alerts, at once when they are raised and every
// resend interval as long as they live; the queue's consumers send what the table holds at that moment.
type target struct {
	endpoint
	cfg       *Config
	table     *table
	write     writer
	telemetry *telemetry
	newClient func(context.Context, component.Host) (*http.Client, error)

	queue  exporter.Logs // exporterhelper's, around push
	client *http.Client  // from start on
	begun  pcommon.Timestamp
	wake   chan struct{}
	done   chan struct{} // closed when the goroutine has ended
	cancel context.CancelFunc
	ending context.Context // over when nobody waits for an answer any longer
	giveUp context.CancelFunc

	mu struct {
		sync.Mutex
		due        []identity                     // to be requested
		requested  map[identity]pcommon.Timestamp // the latest request of each
		unsent     map[identity]struct{}          // due, or requested and not answered yet
		last       pcommon.Timestamp
		quietUntil time.Time
	}
}

func newTarget(set exporter.Settings, cfg *Config, e endpoint, t *table, m *telemetry) (*target, error) {
	tg := &target{
		endpoint: e, cfg: cfg, table: t, telemetry: m, write: newWriter(cfg),
		wake: make(chan struct{}, 1),
		newClient: func(ctx context.Context, host component.Host) (*http.Client, error) {
			return cfg.ClientConfig.ToClient(ctx, host.GetExtensions(), set.TelemetrySettings)
		},
	}
	tg.mu.requested = map[identity]pcommon.Timestamp{}
	tg.mu.unsent = map[identity]struct{}{}
	tg.ending, tg.giveUp = context.WithCancel(context.Background())
	var err error
	tg.queue, err = exporterhelper.NewLogs(context.Background(), set, cfg, tg.push,
		exporterhelper.WithStart(tg.connect),
		// The client has the timeout, for each request alone.
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}),
		exporterhelper.WithRetry(cfg.RetryConfig),
		exporterhelper.WithQueue(cfg.QueueConfig),
	)
	return tg, err
}

func (t *target) connect(ctx context.Context, host component.Host) error {
	client, err := t.newClient(ctx, host)
	if err != nil {
		return err
	}
	client.CheckRedirect = stay
	t.client = client
	return nil
}

func (t *target) start(ctx context.Context, host component.Host) error {
	t.begun = pcommon.NewTimestampFromTime(time.Now())
	if err := t.queue.Start(ctx, host); err != nil {
		return err
	}
	background, cancel := context.WithCancel(context.Background())
	t.cancel, t.done = cancel, make(chan struct{})
	go t.run(background)
	return nil
}

func (t *target) run(ctx context.Context) {
	defer close(t.done)
	ticker := time.NewTicker(t.cfg.ResendInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.wake:
		case <-ticker.C:
			t.renew(time.Now())
		}
		t.requestDue(ctx)
	}
}

// raise has alerts requested now, not at the next renewal. It never blocks.
func (t *target) raise(ids []identity) {
	t.mu.Lock()
	for _, id := range ids {
		if !slices.Contains(t.mu.due, id) {
			t.mu.due = append(t.mu.due, id)
		}
		t.mu.unsent[id] = struct{}{}
	}
	if len(t.mu.unsent) > t.cfg.MaxAlerts { // the queue has blocked for so long that some are over
		t.expireLocked(t.table.holds)
	}
	t.mu.Unlock()
	select {
	case t.wake <- struct{}{}:
	default:
	}
}

// renew makes every live alert due. What has run out and was not sent is lost.
func (t *target) renew(now time.Time) {
	live := t.table.live(now)
	alive := make(map[identity]struct{}, len(live))
	for _, id := range live {
		alive[id] = struct{}{}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.expireLocked(func(id identity) bool {
		_, ok := alive[id]
		return ok
	})
	t.mu.due = live
	for _, id := range live {
		t.mu.unsent[id] = struct{}{}
	}
	for id := range t.mu.requested {
		if _, ok := alive[id]; !ok && !t.table.holds(id) {
			delete(t.mu.requested, id)
		}
	}
}

// requestDue puts what is due into the queue. What finds no room there stays due until the next renewal.
func (t *target) requestDue(ctx context.Context) {
	if t.backoff(time.Now()) > 0 {
		return
	}
	for requests := t.takeDue(); len(requests) > 0; {
		batch := requests[:min(len(requests), maxBatch)]
		if err := t.queue.ConsumeLogs(ctx, encodeRequests(batch)); err != nil && !consumererror.IsPermanent(err) {
			t.putBack(requests)
			return
		}
		t.supersede(batch)
		requests = requests[len(batch):]
	}
}

func (t *target) takeDue() []sendRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	requests := make([]sendRequest, len(t.mu.due))
	for i, id := range t.mu.due {
		t.mu.last = max(t.mu.last+1, pcommon.NewTimestampFromTime(time.Now()))
		requests[i] = sendRequest{identity: id, at: t.mu.last}
	}
	t.mu.due = nil
	return requests
}

// supersede has earlier requests of these alerts left out, now that the queue holds later ones.
func (t *target) supersede(requests []sendRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range requests {
		t.mu.requested[o.identity] = o.at
	}
}

func (t *target) putBack(requests []sendRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range requests {
		_, unsent := t.mu.unsent[o.identity] // else it has run out meanwhile
		if unsent && !slices.Contains(t.mu.due, o.identity) {
			t.mu.due = append(t.mu.due, o.identity)
		}
	}
}

// backoff is for how long Alertmanager wants nothing.
func (t *target) backoff(now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	return max(0, t.mu.quietUntil.Sub(now))
}

// push sends the alerts that were requested. The queue's consumers call it, and retries call it again.
func (t *target) push(ctx context.Context, logs plog.Logs) error {
	if t.ending.Err() != nil {
		return errUnsent
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(t.ending, cancel)()
	if wait := t.backoff(time.Now()); wait > 0 {
		return exporterhelper.NewThrottleRetry(errQuiet, wait)
	}
	var rejected error
	for requests := t.latest(decodeRequests(logs)); len(requests) > 0; {
		batch := requests[:min(len(requests), maxBatch)]
		if err := t.send(ctx, batch); consumererror.IsPermanent(err) {
			rejected = errors.Join(rejected, err)
		} else if err != nil {
			return consumererror.NewLogs(err, encodeRequests(requests))
		}
		requests = requests[len(batch):]
	}
	return rejected
}

// latest leaves out what was requested again since: the later request says the same and more. And so an
// Alertmanager that was down for long is sent each alert once when it is back, not once for each renewal.
func (t *target) latest(requests []sendRequest) []sendRequest {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.DeleteFunc(requests, func(o sendRequest) bool { return o.at < t.mu.requested[o.identity] })
}

// send posts a batch of alerts as they stand now. Those that ran out while they waited are dropped.
func (t *target) send(ctx context.Context, batch []sendRequest) error {
	now := time.Now()
	alerts := make(models.PostableAlerts, 0, len(batch))
	var over []sendRequest
	for _, o := range batch {
		if a, ok := t.table.alert(o.identity, now); ok {
			alerts = append(alerts, t.write.postable(a))
		} else {
			over = append(over, o)
		}
	}
	t.expired(over)
	if len(alerts) == 0 {
		return nil
	}
	body, err := json.Marshal(alerts)
	if err != nil {
		return consumererror.NewPermanent(err)
	}
	got := post(ctx, t.client, t.url, body)
	t.telemetry.sent(ctx, t.name, got.result)
	if got.result == resultRejected {
		t.telemetry.dropped(ctx, reasonRejected, int64(len(alerts)))
	}
	if got.result == resultRejected || got.result == resultAccepted {
		t.answered(batch)
	}
	// Nobody waits longer than an alert lives, whatever the header says.
	if wait := min(got.wait, t.cfg.ResolveAfter); wait > 0 {
		t.mu.Lock()
		t.mu.quietUntil = now.Add(wait)
		t.mu.Unlock()
		return exporterhelper.NewThrottleRetry(got.err, wait)
	}
	return got.err
}
