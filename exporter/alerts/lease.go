package alerts

import (
	"cmp"
	"math"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
)

// leaseResends is for how many resend intervals an alert is announced at a time. With four, three
// renewals in a row may be lost before Alertmanager takes the alert for resolved.
const leaseResends = 4

// maxPseudonyms is how many sessions an alert names.
const maxPseudonyms = 5

// lease is one alert: it is renewed as long as confirmed findings arrive, and is never ended, only left
// to run out. Another collector may hold the same alert, and its sessions are still being served.
// The table that holds the lease guards it.
type lease struct {
	identity identity
	order    uint64 // by age, so that alerts go out in the same order each time

	startsAt  time.Time // event time of the first violation that is known; it only ever moves back
	arrived   time.Time // when the last confirmed finding arrived
	announced time.Time // the latest end that Alertmanager may have been told

	findings  map[uint64]*tracked
	active    int  // confirmed ones among findings
	untracked bool // confirmed findings came that found no room
}

// tracked is a finding that was taken in, kept so that it counts once and can be taken back.
type tracked struct {
	lease     *lease // nil for one that was retracted before it raised anything
	arrived   time.Time
	revision  int64
	observed  int64 // ns since the Unix epoch; 0 if unknown
	retracted bool
	floor     int64 // how many requests were known before revisions began again with fewer; 0 if they never did

	session  string
	trace    pcommon.TraceID
	requests int64
	first    int64
	last     int64
	overrun  float64
}

// renewed reports whether the alert is still to be announced.
func (l *lease) renewed(now time.Time, resolveAfter time.Duration) bool {
	return (l.active > 0 || l.untracked) && now.Before(l.arrived.Add(resolveAfter))
}

// over reports whether nobody can believe any longer that the alert is active.
func (l *lease) over(now time.Time, resolveAfter time.Duration) bool {
	return !l.renewed(now, resolveAfter) && !now.Before(l.announced)
}

// alert is a lease as it stands at one moment, and shares nothing with it.
type alert struct {
	identity   identity
	startsAt   time.Time
	endsAt     time.Time
	sessions   int
	requests   int64
	atLeast    bool // the numbers are lower bounds
	more       bool // the number of requests is one
	first      int64
	last       int64
	overrun    float64 // the longest, in seconds
	trace      pcommon.TraceID
	finding    uint64   // of the latest violation; 0 where none is held
	pseudonyms []string // of the sessions that were served most recently, those first
}

// alert counts what the findings say. It does so each time afresh, since findings change and are taken back.
func (l *lease) alert(endsAt time.Time) alert {
	a := alert{identity: l.identity, startsAt: l.startsAt, endsAt: endsAt, atLeast: l.untracked}
	sessions := make(map[string]struct{}, l.active)
	var recent []*tracked // at most maxPseudonyms, one for each session
	var traced, latest *tracked
	for id, f := range l.findings {
		if f.retracted {
			continue
		}
		a.requests += min(f.requests, math.MaxInt64-a.requests)
		a.more = a.more || f.floor > 0
		a.overrun = max(a.overrun, f.overrun)
		a.last = max(a.last, f.last)
		if a.first == 0 || f.first < a.first {
			a.first = f.first
		}
		if f.session == "" {
			a.sessions++ // nothing tells it from others, or says that it is one of them
		} else {
			sessions[f.session] = struct{}{}
			recent = keepRecent(recent, f)
		}
		if !f.trace.IsEmpty() && (traced == nil || later(f, traced) < 0) {
			traced = f
		}
		if order := laterOf(f, latest); order < 0 || order == 0 && id < a.finding {
			latest, a.finding = f, id
		}
	}
	a.sessions += len(sessions)
	for _, f := range recent {
		a.pseudonyms = append(a.pseudonyms, f.session)
	}
	if traced != nil {
		a.trace = traced.trace
	}
	return a
}

// keepRecent puts f among the most recent findings, of which it keeps one for each session.
func keepRecent(recent []*tracked, f *tracked) []*tracked {
	for i, r := range recent {
		if r.session == f.session {
			if later(f, r) >= 0 {
				return recent
			}
			recent = slices.Delete(recent, i, i+1)
			break
		}
	}
	at, _ := slices.BinarySearchFunc(recent, f, later)
	recent = slices.Insert(recent, at, f)
	return recent[:min(len(recent), maxPseudonyms)]
}

// laterOf is [later], where any is later than none.
func laterOf(a, b *tracked) int {
	if b == nil {
		return -1
	}
	return later(a, b)
}

// later orders findings: those with the latest request first, and never by the map's whim.
func later(a, b *tracked) int {
	return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.session, b.session), slices.Compare(a.trace[:], b.trace[:]))
}
