package session

// Work is counted in units: a record, rotation, suspect, link or user that is
// looked at. What one fact makes dirty is not reviewed at once but as later calls
// come to it, so that no fact, whatever came before it, holds up the others.
// Tests have less of it.
var (
	// workOfFact bounds the units that one fact costs while it is observed.
	workOfFact = 64
	// workOfHold bounds those of one call: nobody waits for the engine's lock for
	// longer.
	workOfHold = FactsOfHold * workOfFact
)

const (
	// FactsOfHold is how many facts may be observed in one hold of a lock.
	FactsOfHold = 64
	// workOfJudgement is what one judgement costs at most: a lineage looked at
	// twice, what is told of a user, and what lies inside.
	workOfJudgement = 2*maxLineage + 4*maxLateLooks + workOfRejections
	// workOfDecision is what it costs at most to decide a request, and to learn from
	// it what its service lets pass.
	workOfDecision = 2*workOfJudgement + gapLooks
	// workOfCompaction is what it costs to put a timeline back into its entry.
	workOfCompaction = 2
)

// work counts units.
type work struct {
	done uint64 // ever
	left int    // of the call that is under way
	cut  bool   // something was not looked at, since there was too little left
}

// allow begins a call that may cost so many units.
func (w *work) allow(units int) { w.left = units }

func (e *Engine) spend(units int) {
	e.work.done += uint64(units)
	e.work.left -= units
}

// take spends units if there are so many left.
func (e *Engine) take(units int) bool {
	if units > e.work.left {
		e.work.cut = true
		return false
	}
	e.spend(units)
	return true
}

// Work returns how many units of work were done so far: records, rotations,
// suspects, links, users and sessions that were looked at. It only grows.
func (e *Engine) workDone() (units uint64) {
	units = e.work.done
	e.each(func(l *shard) { units += l.work })
	return units
}

// Backlog returns how many sessions and users wait until what came late is held
// against what came before.
func (e *Engine) backlog() int {
	n := len(e.dirty) - e.dirtyDone + len(e.userEnds) + len(e.strays)
	if e.blinded != nil {
		n++
	}
	if e.callers.walk.due {
		n++
	}
	return n
}
