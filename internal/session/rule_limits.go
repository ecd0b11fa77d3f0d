package session

import "math"

// What here compares an instant or a silence with a limit is used by every path, the
// fast one too: whoever changes it changes all of them.

// exceeds reports whether d is past limit, as this policy reads limits.
func (p *Policy) exceeds(d, limit int64) bool {
	return d > limit || p.Inclusive && d == limit
}

// violates reports whether a request that starts at start is too late for a session
// that was dead from at on.
func (p *Policy) violates(start, at int64) bool { return p.exceeds(start-at, int64(p.Tolerance)) }

// absoluteExpiry is when a session that began at origin is too old. limited: it ever is.
func (p *Policy) absoluteExpiry(origin int64) (at int64, limited bool) {
	return origin + int64(p.AbsoluteTimeout), p.AbsoluteTimeout > 0
}

// tooOld reports whether a session that began at origin is too old for a request that
// starts at start.
func (p *Policy) tooOld(start, origin int64) bool {
	at, limited := p.absoluteExpiry(origin)
	return limited && p.violates(start, at)
}

// tooIdle reports whether a session that was silent for so long is too idle for a
// request.
func (p *Policy) tooIdle(silence int64) bool {
	return p.IdleTimeout > 0 && p.exceeds(silence, int64(p.IdleTimeout)+int64(p.Tolerance))
}

// leastGap is the smallest silence that is too long for a request of any policy, or
// less: shorter ones matter to nobody.
func leastGap(policies []Policy) int64 {
	gap := int64(math.MaxInt64)
	for i := range policies {
		if idle := int64(policies[i].IdleTimeout); idle > 0 {
			gap = min(gap, idle)
		}
	}
	return gap
}
