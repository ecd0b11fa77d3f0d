package alerts

import (
	"context"
	"maps"
	"slices"
)

// Every alert that a target wants to send is among its unsent ones until it was accepted, or was counted
// as dropped: as rejected, as expired, or at shutdown.

// expireLocked drops and counts what was not sent of alerts that live no longer.
func (t *target) expireLocked(alive func(identity) bool) {
	before := len(t.mu.unsent)
	maps.DeleteFunc(t.mu.unsent, func(id identity, _ struct{}) bool { return !alive(id) })
	t.mu.due = slices.DeleteFunc(t.mu.due, func(id identity) bool { return !alive(id) })
	t.telemetry.dropped(context.Background(), reasonExpired, int64(before-len(t.mu.unsent)))
}

// expired drops and counts the requests of alerts that have run out, but for those that were counted when
// they did. What was requested by an earlier run of the collector was not.
func (t *target) expired(requests []sendRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	var n int64
	for _, o := range requests {
		if _, ok := t.mu.unsent[o.identity]; ok || o.at < t.begun {
			n++
		}
		delete(t.mu.unsent, o.identity)
	}
	t.telemetry.dropped(context.Background(), reasonExpired, n)
}

// answered says that requests were answered for good.
func (t *target) answered(requests []sendRequest) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range requests {
		if o.at >= t.mu.requested[o.identity] { // else a later one is under way
			delete(t.mu.unsent, o.identity)
		}
	}
}

// countUnsent is how many alerts were not sent.
func (t *target) countUnsent() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(len(t.mu.unsent))
}
