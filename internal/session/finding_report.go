package session

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// report sends what has changed: at once where somebody would act on it, otherwise
// no more often than Config.UpdateInterval. all: whatever is new. It reports whether
// the work that is left allowed that for all.
func (e *Engine) report(now int64, all bool) (done bool) {
	f, from, n := &e.findings, len(e.out), 0
	for ; n < len(f.dirty) && e.work.left >= workOfJudgement; n++ {
		x := f.dirty[n]
		f.touchOne(x)
		x.dirty = false
		if !e.reportOne(x, now, all) {
			f.later.add(x)
		}
	}
	done = n == len(f.dirty)
	f.dirty = slices.Delete(f.dirty, 0, n)
	// In an order that does not depend on the way that led here.
	slices.SortFunc(e.out[from:], func(a, b fact.Finding) int { return cmp.Compare(a.ID, b.ID) })
	return done
}

// reportOne reports whether f need not be looked at again, unless it changes; if
// not, f.sendAt says when.
func (e *Engine) reportOne(f *finding, now int64, all bool) (done bool) {
	if f.closed {
		return true
	}
	e.spend(1 + len(f.members))
	c, ok := e.content(f)
	if !ok {
		switch {
		case !f.sent, f.last.State == fact.Retracted:
			e.findings.remove(f)
			return true
		case f.partly: // what it was closed with stands
			e.findings.remove(f)
			return true
		case e.findings.awaited[f.id] > 0:
			f.sendAt = now
			return false
		}
		c = f.last
		c.State, c.Reason = fact.Retracted, ""
	}
	same := f.last
	same.Revision, same.DecidedAt, c.Revision, c.DecidedAt = 0, 0, 0, 0
	if f.sent && same == c {
		return true
	}
	urgent := !f.sent || same.State != c.State || same.Type != c.Type
	if f.sendAt = f.sentAt + int64(e.cfg.UpdateInterval); !urgent && !all && now < f.sendAt {
		return false
	}
	if !f.sent || same.State != c.State {
		e.stats.findings[c.State]++
	}
	e.findings.touchOne(f)
	c.Revision, c.DecidedAt = f.last.Revision+1, now
	f.last, f.sent, f.sentAt, f.partly = c, true, now, false
	e.out = append(e.out, c)
	if c.State == fact.Retracted {
		e.findings.remove(f)
	}
	return true
}
