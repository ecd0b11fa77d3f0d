package alerts

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// outcome is what a finding did.
type outcome uint8

const (
	// ignored: it was known already, or is none that raises alerts.
	ignored outcome = iota
	// raised: there was no such alert, or it was no longer renewed.
	raised
	// renewed: there was one, and it lives longer.
	renewed
	// withdrawn: the finding no longer counts.
	withdrawn
	// refused: it would have been an alert, and there are max_alerts already.
	refused
)

// table holds the leases. Its time is that of its callers, who may be many at once.
// New alerts are refused where there is no room, and none is evicted for them: the ones that are held
// have been announced, and an alert that flaps is worse than one that comes late.
type table struct {
	resolveAfter time.Duration
	leaseFor     time.Duration // from a renewal to the end that it announces
	maxAlerts    int
	maxFindings  int

	mu struct {
		sync.Mutex
		leases   map[identity]*lease
		findings map[uint64]*tracked
		order    uint64
		pruned   time.Time
		changed  bool // since the last snapshot
	}
}

func newTable(cfg *Config) *table {
	t := &table{
		resolveAfter: cfg.ResolveAfter,
		leaseFor:     leaseResends * cfg.ResendInterval,
		maxAlerts:    cfg.MaxAlerts,
		maxFindings:  cfg.MaxFindings,
	}
	t.mu.leases = map[identity]*lease{}
	t.mu.findings = map[uint64]*tracked{}
	return t
}

// apply takes a finding in. What is known as it is now, or as it was decided later, changes nothing, and
// so findings may be delivered in any order and any number of times.
func (t *table) apply(f finding, now time.Time) outcome {
	if f.silent || f.state == fact.Inconclusive {
		return ignored
	}
	t.mu.Lock()
	defer t.mu.Unlock()

	known := t.mu.findings[f.id]
	if known != nil && !f.isLater(known) {
		return ignored
	}
	if f.state == fact.Retracted {
		return t.retract(f, known, now)
	}
	return t.confirm(f, known, now)
}

// isLater reports whether f says what came of the finding since. A processor that restarts without a
// storage, or that gave the finding up to stay within its bounds, begins again with revision 1, so what
// was decided later is later, whatever its revision.
func (f *finding) isLater(known *tracked) bool {
	if f.observed == known.observed || f.observed == 0 || known.observed == 0 {
		return f.revision > known.revision
	}
	return f.observed > known.observed
}

// goOn keeps what is known of a finding that counts: its first request, and, where revisions begin again
// with fewer requests than there have been, that many. That is returned, and is a lower bound from then
// on: nobody knows which of the later requests were among the earlier ones.
func (f *finding) goOn(known *tracked) (floor int64) {
	if known == nil || known.retracted {
		return 0
	}
	f.first = min(f.first, known.first)
	floor = known.floor
	if f.revision <= known.revision && f.requests < known.requests {
		floor = known.requests
	}
	f.requests = max(f.requests, floor)
	return floor
}

func (t *table) confirm(f finding, known *tracked, now time.Time) outcome {
	// Alertmanager refuses an alert that starts after its end, and a clock ahead of ours is no reason to lose one.
	if f.first <= 0 || f.first > now.UnixNano() {
		f.first = now.UnixNano()
	}
	f.last = max(f.first, min(f.last, now.UnixNano()))

	l := t.mu.leases[f.identity]
	if l != nil && l.over(now, t.resolveAfter) {
		t.forget(l)
		l, known = nil, t.mu.findings[f.id]
	}
	floor := f.goOn(known)
	if l != nil && f.first < l.startsAt.UnixNano() {
		l.startsAt = time.Unix(0, f.first).UTC()
	}
	if l == nil {
		if l = t.grant(f, now); l == nil {
			return refused
		}
	}
	result := renewed
	if !l.renewed(now, t.resolveAfter) {
		result = raised
	}
	l.arrived = now
	t.mu.changed = true

	if known == nil && len(t.mu.findings) >= t.maxFindings && len(l.findings) > 0 {
		l.untracked = true
		return result
	}
	// Evidence may change a violation's type, and with it the alert that the finding belongs to.
	t.detach(f.id, known)
	entry := t.track(f, l, now)
	entry.floor = floor
	l.findings[f.id] = entry
	l.active++
	return result
}

func (t *table) retract(f finding, known *tracked, now time.Time) outcome {
	if known == nil && len(t.mu.findings) >= t.maxFindings {
		return ignored
	}
	var l *lease
	if known != nil {
		l = known.lease
	}
	t.detach(f.id, known)
	// It is kept, so that an older revision that comes later does not raise what is withdrawn.
	gone := t.track(f, l, now)
	gone.retracted = true
	if l != nil {
		l.findings[f.id] = gone
	}
	t.mu.changed = true
	return withdrawn
}

// grant makes a lease, or nil where there is no room for one.
func (t *table) grant(f finding, now time.Time) *lease {
	if len(t.mu.leases) >= t.maxAlerts && now.Sub(t.mu.pruned) >= time.Second {
		t.pruneLocked(now)
	}
	if len(t.mu.leases) >= t.maxAlerts {
		return nil
	}
	t.mu.order++
	l := &lease{identity: f.identity, order: t.mu.order, startsAt: time.Unix(0, f.first).UTC(), findings: map[uint64]*tracked{}}
	t.mu.leases[f.identity] = l
	return l
}

func (t *table) track(f finding, l *lease, now time.Time) *tracked {
	entry := &tracked{
		lease: l, arrived: now, revision: f.revision, observed: f.observed,
		session: f.session, trace: f.trace, requests: f.requests,
		first: f.first, last: f.last, overrun: f.overrun,
	}
	t.mu.findings[f.id] = entry
	return entry
}

// detach takes a finding out of the lease that it counts for.
func (t *table) detach(id uint64, known *tracked) {
	if known == nil || known.lease == nil {
		return
	}
	delete(known.lease.findings, id)
	if !known.retracted {
		known.lease.active--
	}
}

// live lists the alerts that are to be renewed, oldest first.
func (t *table) live(now time.Time) []identity {
	t.mu.Lock()
	defer t.mu.Unlock()
	leases := make([]*lease, 0, len(t.mu.leases))
	for _, l := range t.mu.leases {
		if l.renewed(now, t.resolveAfter) {
			leases = append(leases, l)
		}
	}
	slices.SortFunc(leases, func(a, b *lease) int { return cmp.Compare(a.order, b.order) })
	ids := make([]identity, len(leases))
	for i, l := range leases {
		ids[i] = l.identity
	}
	return ids
}

// alert renews the lease and returns it as it is to be announced now, or false if it ran out.
func (t *table) alert(id identity, now time.Time) (alert, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	l := t.mu.leases[id]
	if l == nil || !l.renewed(now, t.resolveAfter) {
		return alert{}, false
	}
	l.announced = now.Add(t.leaseFor)
	t.mu.changed = true
	return l.alert(l.announced), true
}

// holds reports whether there is such an alert, renewed or not.
func (t *table) holds(id identity) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.mu.leases[id] != nil
}

// occupancy returns how many alerts are renewed and how many findings are held.
func (t *table) occupancy(now time.Time) (alerts, findings int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, l := range t.mu.leases {
		if l.renewed(now, t.resolveAfter) {
			alerts++
		}
	}
	return alerts, len(t.mu.findings)
}

// prune forgets what has run out.
func (t *table) prune(now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.pruneLocked(now)
}

func (t *table) pruneLocked(now time.Time) {
	t.mu.pruned = now
	for _, l := range t.mu.leases {
		if l.over(now, t.resolveAfter) {
			t.forget(l)
		}
	}
	for id, f := range t.mu.findings {
		if f.lease == nil && !now.Before(f.arrived.Add(t.resolveAfter)) {
			delete(t.mu.findings, id)
			t.mu.changed = true
		}
	}
}

func (t *table) forget(l *lease) {
	delete(t.mu.leases, l.identity)
	for id := range l.findings {
		delete(t.mu.findings, id)
	}
	t.mu.changed = true
}
