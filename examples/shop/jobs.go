package shop

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	semconv "go.opentelemetry.io/otel/semconv/v1.41.0"
)

const queueName = "exports"

// jobs is a queue of work that sessions leave behind. A job whose session is
// gone by then is dropped, unless the fault is on. When the service stops, all that
// wait are run.
type jobs struct {
	cfg     Config
	store   *store
	tracer  trace.Tracer
	running context.Context // a queue lives as long as the service, not as a call
	done    sync.WaitGroup
	mu      struct {
		sync.Mutex
		states []string
	}
}

func newJobs(running context.Context, cfg Config, s *store, t trace.Tracer) *jobs {
	return &jobs{cfg: cfg, store: s, tracer: t, running: running}
}

// enqueue puts a job into the queue, to be run after the delay that the query
// asks for, and answers with its number.
func (j *jobs) enqueue(w http.ResponseWriter, r *http.Request) {
	delay, _ := time.ParseDuration(r.URL.Query().Get("delay"))
	visit := *visitFrom(r.Context())
	_, span := j.tracer.Start(r.Context(), "send "+queueName, trace.WithSpanKind(trace.SpanKindProducer),
		trace.WithAttributes(attributesOf("send", visit)...))
	link := trace.Link{SpanContext: span.SpanContext()}
	span.End()

	j.mu.Lock()
	number := len(j.mu.states)
	j.mu.states = append(j.mu.states, "queued")
	j.mu.Unlock()
	j.done.Go(func() {
		pause(j.running, delay)
		j.run(number, visit, link)
	})
	w.WriteHeader(http.StatusAccepted)
	_, _ = fmt.Fprint(w, number)
}

func (j *jobs) run(number int, v visit, link trace.Link) {
	_, span := j.tracer.Start(context.WithoutCancel(j.running), "process "+queueName, trace.WithNewRoot(), trace.WithLinks(link),
		trace.WithSpanKind(trace.SpanKindConsumer), trace.WithAttributes(attributesOf("process", v)...))
	defer span.End()
	state := "done"
	if !j.cfg.has(JobsOutliveLogout) && !j.store.found(v.session) {
		state = "dropped"
		span.SetAttributes(semconv.ErrorTypeKey.String("session_gone"))
		span.SetStatus(codes.Error, "the session that left the job is gone")
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.mu.states[number] = state
}

// status says what became of a job. It belongs to no session.
func (j *jobs) status(w http.ResponseWriter, r *http.Request) {
	var number int
	_, err := fmt.Sscan(r.PathValue("id"), &number)
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil || number < 0 || number >= len(j.mu.states) {
		http.NotFound(w, r)
		return
	}
	_, _ = fmt.Fprint(w, j.mu.states[number])
}

// wait returns when no job waits or runs any more. The context of newJobs ends the
// waiting. No job may be enqueued behind it.
func (j *jobs) wait() { j.done.Wait() }

func attributesOf(operation string, v visit) []attribute.KeyValue {
	return []attribute.KeyValue{
		semconv.MessagingSystemKey.String("memory"),
		semconv.MessagingDestinationName(queueName),
		semconv.MessagingOperationName(operation),
		semconv.MessagingOperationTypeKey.String(operation),
		semconv.SessionID(v.session),
		semconv.UserID(v.user),
	}
}
