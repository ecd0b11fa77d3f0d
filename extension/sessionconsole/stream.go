package sessionconsole

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// mostStreams may be open at a time.
	mostStreams = 32
	// findingsAtOnce are sent before it is looked whether the stream should end.
	findingsAtOnce = 100
)

// writeTimeout is how long a client may take to read what is sent at once. Tests have more.
var writeTimeout = 10 * time.Second

// streams are the open streams of events. Safe for concurrent use.
type streams struct {
	mu      sync.Mutex
	all     map[*stream]struct{}
	closed  bool
	refused int64
	dropped int64
	state   []byte // the event, as it is sent
	version uint64 // of state
}

func newStreams() *streams { return &streams{all: map[*stream]struct{}{}} }

// stream is one client's.
type stream struct {
	woken chan struct{} // of one slot: there is something to be sent
	end   context.CancelFunc
	// hangUp makes a write that waits for the client fail.
	hangUp func()
}

// add opens a stream, unless as many are open as may be.
func (s *streams) add(x *stream) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || len(s.all) >= mostStreams {
		s.refused++
		return false
	}
	s.all[x] = struct{}{}
	return true
}

func (s *streams) remove(x *stream) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.all, x)
}

// wake lets every stream look for what is new. It waits for nobody.
func (s *streams) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for x := range s.all {
		select {
		case x.woken <- struct{}{}:
		default: // it is awake
		}
	}
}

// close ends all streams, and lets no new one begin: the server's own Shutdown would wait
// for them.
func (s *streams) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for x := range s.all {
		x.end()
		x.hangUp()
	}
}

func (s *streams) open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.all)
}

func (s *streams) droppedTotal() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped
}

func (s *streams) drop(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.dropped += n
}

func (s *streams) counters() (open, refused, dropped int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.all)), s.refused, s.dropped
}

// setState is what all streams are sent next.
func (s *streams) setState(event []byte) {
	s.mu.Lock()
	s.state = event
	s.version++
	s.mu.Unlock()
	s.wake()
}

func (s *streams) currentState() ([]byte, uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state, s.version
}

// writer is what a stream is written with.
type writer struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

func (w writer) write(b []byte) error {
	if err := w.rc.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return err
	}
	if _, err := w.w.Write(b); err != nil {
		return err
	}
	return w.rc.Flush()
}

// event is one as it is sent. id may be empty.
func event(name, id string, data any) ([]byte, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, err
	}
	if id != "" {
		id = "id: " + id + "\n"
	}
	return fmt.Appendf(nil, "event: %s\n%sdata: %s\n\n", name, id, body), nil
}

// events is GET /api/v1/events: findings as they come, and the state every second, so that no
// proxy thinks it dead. With Last-Event-ID it goes on from there, else with the findings that
// are held. The event `hello` says first which of the two, and `caught_up` when all that there
// was has been sent.
func (x *consoleExtension) events(w http.ResponseWriter, r *http.Request) {
	out := writer{w, http.NewResponseController(w)}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	s := &stream{
		woken: make(chan struct{}, 1), end: cancel,
		hangUp: func() { _ = out.rc.SetWriteDeadline(time.Unix(1, 0)) },
	}
	if !x.streams.add(s) {
		w.Header().Set("Retry-After", "5")
		problem(w, http.StatusServiceUnavailable, fmt.Sprintf("%d streams are open, and no more may be", mostStreams))
		return
	}
	defer x.streams.remove(s)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // a proxy passes on at once what comes
	x.serveStream(ctx, out, s, x.resumeAt(r.Header.Get("Last-Event-ID")))
}

// resumeAt is the sequence behind which a stream goes on. A sequence of an earlier run says
// nothing to this one.
func (x *consoleExtension) resumeAt(id string) uint64 {
	run, sequence, _ := strings.Cut(id, ".")
	n, err := strconv.ParseUint(sequence, 10, 64)
	if err != nil || run != x.run {
		return 0
	}
	return n
}

// hello is the first event of a stream.
type hello struct {
	Run     string `json:"run"`     // of this start of the collector
	Resumed bool   `json:"resumed"` // what follows comes behind what the client has
}

// current is the event behind all that was held when a stream began.
var current = []byte("event: caught_up\ndata: {}\n\n")

// dropped says how many findings gave way before this client could be sent them.
type dropped struct {
	Findings int `json:"findings"`
}

func (x *consoleExtension) serveStream(ctx context.Context, out writer, s *stream, sequence uint64) {
	first, err := event("hello", "", hello{x.run, sequence > 0})
	if err != nil || out.write(append([]byte("retry: 1000\n"), first...)) != nil {
		return
	}
	x.announce(time.Now())
	var version uint64
	// What is held may be long. How things stand comes before it.
	tell := func() bool {
		state, v := x.streams.currentState()
		if v == version {
			return true
		}
		version = v
		return out.write(state) == nil
	}
	if !tell() {
		return
	}
	caughtUp := false
	for begun := sequence > 0; ; begun = true {
		for ctx.Err() == nil {
			found, missed := x.ring.after(sequence, findingsAtOnce)
			if missed > 0 && begun { // to one that begins it is no loss
				x.streams.drop(int64(missed))
				b, err := event("dropped", "", dropped{missed})
				if err != nil || out.write(b) != nil {
					return
				}
			}
			if len(found) == 0 {
				break
			}
			var all []byte
			for _, h := range found {
				sequence = h.sequence
				b, err := event("finding", x.run+"."+strconv.FormatUint(sequence, 10), h.shown)
				if err != nil {
					return
				}
				all = append(all, b...)
			}
			if out.write(all) != nil {
				return
			}
			begun = true
		}
		if !caughtUp {
			caughtUp = true
			if out.write(current) != nil {
				return
			}
		}
		if !tell() {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.woken:
		}
	}
}

// announce sends the state to all streams.
func (x *consoleExtension) announce(now time.Time) {
	if b, err := event("state", "", x.state(now)); err == nil {
		x.streams.setState(b)
	}
}
