package alerts

import (
	"cmp"
	"encoding/hex"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// snapshotVersion grows when what older versions wrote means something else. The first had neither version
// nor seal, and did not know when a finding was decided.
const snapshotVersion = 2

// snapshot is what the table holds, as it is stored.
type snapshot struct {
	Version int            `json:"version"`
	Leases  []savedLease   `json:"leases"`
	Orphans []savedFinding `json:"orphans,omitempty"` // retracted before they raised anything
}

type savedLease struct {
	Identity  identity       `json:"identity"`
	StartsAt  time.Time      `json:"starts_at"`
	Arrived   time.Time      `json:"arrived"`
	Announced time.Time      `json:"announced"`
	Untracked bool           `json:"untracked,omitempty"`
	Findings  []savedFinding `json:"findings"`
}

type savedFinding struct {
	ID        uint64    `json:"id"`
	Arrived   time.Time `json:"arrived"`
	Revision  int64     `json:"revision"`
	Observed  int64     `json:"observed,omitempty"`
	Floor     int64     `json:"floor,omitempty"`
	Retracted bool      `json:"retracted,omitempty"`
	Session   string    `json:"session,omitempty"`
	Trace     string    `json:"trace,omitempty"`
	Requests  int64     `json:"requests"`
	First     int64     `json:"first"`
	Last      int64     `json:"last"`
	Overrun   float64   `json:"overrun"`
}

// snapshot copies the table, or returns false if nothing has changed since the last one.
func (t *table) snapshot() (snapshot, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.mu.changed {
		return snapshot{}, false
	}
	t.mu.changed = false

	leases := make([]*lease, 0, len(t.mu.leases))
	for _, l := range t.mu.leases {
		leases = append(leases, l)
	}
	slices.SortFunc(leases, func(a, b *lease) int { return cmp.Compare(a.order, b.order) })

	s := snapshot{Version: snapshotVersion}
	for _, l := range leases {
		saved := savedLease{
			Identity: l.identity, StartsAt: l.startsAt, Arrived: l.arrived.UTC(), Announced: l.announced.UTC(),
			Untracked: l.untracked, Findings: make([]savedFinding, 0, len(l.findings)),
		}
		for id, f := range l.findings {
			saved.Findings = append(saved.Findings, f.saved(id))
		}
		s.Leases = append(s.Leases, saved)
	}
	for id, f := range t.mu.findings {
		if f.lease == nil {
			s.Orphans = append(s.Orphans, f.saved(id))
		}
	}
	return s, true
}

// touch has the next snapshot copy the table whether it has changed or not.
func (t *table) touch() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.mu.changed = true
}

// restore fills an empty table, and leaves out what has run out since and what no longer has room.
func (t *table) restore(s snapshot, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, saved := range s.Leases {
		if len(t.mu.leases) >= t.maxAlerts {
			break
		}
		for _, f := range saved.Identity.fields() {
			*f.value = labelValue(*f.value)
		}
		t.mu.order++
		l := &lease{
			identity: saved.Identity, order: t.mu.order, startsAt: saved.StartsAt.UTC(),
			// A clock that was set back in the meantime makes no lease longer.
			arrived: earlier(saved.Arrived, now), announced: earlier(saved.Announced, now.Add(t.leaseFor)),
			untracked: saved.Untracked, findings: map[uint64]*tracked{},
		}
		t.mu.leases[l.identity] = l
		for _, f := range saved.Findings {
			t.restoreFinding(f, l, now)
		}
	}
	for _, f := range s.Orphans {
		t.restoreFinding(f, nil, now)
	}
	t.pruneLocked(now)
}

func (t *table) restoreFinding(saved savedFinding, l *lease, now time.Time) {
	if len(t.mu.findings) >= t.maxFindings {
		if l != nil && !saved.Retracted {
			l.untracked = true
		}
		return
	}
	f := &tracked{
		lease: l, arrived: earlier(saved.Arrived, now), revision: saved.Revision, observed: saved.Observed,
		retracted: saved.Retracted, floor: saved.Floor,
		requests: saved.Requests, first: saved.First, last: saved.Last, overrun: saved.Overrun,
	}
	if f.observed == 0 {
		f.observed = f.arrived.UnixNano() // it was decided no later
	}
	if _, ok := findinglog.ParsePseudonym(saved.Session); ok { // the first version stored others, too
		f.session = saved.Session
	}
	if id, err := hex.DecodeString(saved.Trace); err == nil && len(id) == len(f.trace) {
		f.trace = pcommon.TraceID(id)
	}
	t.mu.findings[saved.ID] = f
	if l == nil {
		return
	}
	l.findings[saved.ID] = f
	if !f.retracted {
		l.active++
	}
}

func (f *tracked) saved(id uint64) savedFinding {
	return savedFinding{
		ID: id, Arrived: f.arrived.UTC(), Revision: f.revision, Observed: f.observed, Floor: f.floor, Retracted: f.retracted,
		Session: f.session, Trace: f.trace.String(), Requests: f.requests,
		First: f.first, Last: f.last, Overrun: f.overrun,
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
