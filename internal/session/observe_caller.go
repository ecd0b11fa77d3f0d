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
	for i := range callers {
		e.observeCaller(&callers[i], now)
	}
	e.callers.last = nil // which may soon be another's
}

func (e *Engine) observeCaller(c *fact.Caller, now int64) {
	end := c.End
	timed := end != 0 && end <= now+int64(e.cfg.MaxAhead) && (e.cfg.MaxAge == 0 || c.Start >= now-int64(e.cfg.MaxAge))
	if !timed { // whose parent it is holds all the same
		end = now
	}
	if c.Span != [8]byte{} {
		h := spanHash(c.Trace, c.Span)
		e.callers.add(h, end)
		if len(e.callers.awaited.of) > 0 {
			e.parentSeen(h, now)
		}
	}
	if timed && c.Calls {
		e.serviceCalls(c)
	}
}

// serviceCalls notes when a service calls. Where it did not seem to, what lies inside its
// requests was told by their times alone.
func (e *Engine) serviceCalls(c *fact.Caller) {
	x := &e.callers
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
	window := int64(e.cfg.ReorderWindow)
	news, lost := x.lastOf.add(span{c.Start - window, c.End + window})
	e.stats.lost += int64(lost)
	if news == (span{}) {
		return
	}
	for i := range e.shards {
		if e.shards[i].recent.latest >= news.from {
			x.walk.begin(news)
			return
		}
	}
}
