package session

import "github.com/otelcol-session/otelcol-session/internal/fact"

// callersOfHold is how many spans are looked at in one hold of the lock.
const callersOfHold = 1 << 10

// ObserveCallers takes spans that may be parents of requests, and arrived at now, in
// nanoseconds since the Unix epoch. Tell of them before the facts that came with them: no
// verdict depends on it, but work does. Safe for concurrent use. Once the engine is closed
// it does nothing.
func (e *Engine) ObserveCallers(callers []fact.Caller, now int64) {
	for len(callers) > 0 {
		n := min(len(callers), callersOfHold)
		e.holdCallers(callers[:n], now)
		callers = callers[n:]
	}
}

func (e *Engine) holdCallers(callers []fact.Caller, now int64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed {
		return
	}
	e.work.allow(workOfHold)
	x, latest := &e.callers, int64(longAgo) // of the recent requests
	e.each(func(l *shard) { latest = max(latest, l.recent.latest) })
	var hashes [maxBlock]uint64
	for len(callers) > 0 {
		some, touched := callers[:min(len(callers), len(hashes))], uint64(0)
		for i := range some { // loads that do not wait for one another
			hashes[i] = spanHash(some[i].Trace, some[i].Span)
			touched += x.seen[x.bucketOf(hashes[i])*bucketSize]
		}
		x.touched = touched
		for i := range some {
			e.observeCaller(&some[i], hashes[i], latest, now)
		}
		callers = callers[len(some):]
	}
	x.last = nil // which may soon be another's
}

// observeCaller takes a span of that hash, where latest is when the last of the recent
// requests began.
func (e *Engine) observeCaller(c *fact.Caller, hash uint64, latest, now int64) {
	end := c.End
	timed := end != 0 && end <= now+int64(e.cfg.MaxAhead) && (e.cfg.MaxAge == 0 || c.Start >= now-int64(e.cfg.MaxAge))
	if !timed { // whose parent it is holds all the same
		end = now
	}
	if c.Span != [8]byte{} {
		e.callers.add(hash, end)
		if len(e.callers.awaited.of) > 0 {
			e.parentSeen(hash, now)
		}
	}
	if timed && c.Calls {
		e.serviceCalls(c, latest)
	}
}

// serviceCalls notes when a service calls. Where it did not seem to, what lies inside its
// requests was told by their times alone.
func (e *Engine) serviceCalls(c *fact.Caller, latest int64) {
	x, window := &e.callers, int64(e.cfg.ReorderWindow)
	around := span{c.Start - window, c.End + window}
	if c.Resource == x.last && x.lastOf.covers(around) {
		return
	}
	if c.Resource != x.last || x.lastOf == nil {
		if x.last, x.lastOf = c.Resource, x.callingOf(c.Resource); x.lastOf == nil {
			if len(x.services) >= maxCallingServices {
				e.stats.lost++
				return
			}
			x.lastOf = &calling{since: longAgo}
			x.services[nameOf(c.Resource).clone()] = x.lastOf
		}
	}
	news, lost := x.lastOf.add(around)
	e.stats.lost += int64(lost)
	if news != (span{}) && latest >= news.from {
		x.walk.begin(news)
	}
}
