package session

import "github.com/otelcol-session/otelcol-session/internal/compact"

// Before anything changes a session or a recent record it says so here: what
// changed is stored again, and a checkpoint that is under way keeps what was.

// changes are what changed since it was last stored: sessions by slot, and recent
// records by range.
type changes struct{ sessions, recent compact.BitSet }

// touch must be called before t changes.
func (e *Engine) touch(t *timeline) { e.touchSlot(t.shard, t.slot) }

// touchSlot must be called before the session in slot changes.
func (e *Engine) touchSlot(l *shard, slot uint32) {
	l.changed.sessions.Set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveSession(slot)
	}
}

// touchNew must be called when a session has been given slot.
func (e *Engine) touchNew(l *shard, slot uint32) {
	l.changed.sessions.Set(int(slot))
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveFree(slot)
	}
}

// touchRecord must be called before r, or the record that r is a copy of,
// changes or gives up its place.
func (e *Engine) touchRecord(r *record) {
	if r.position == 0 {
		return // it has no place yet
	}
	if r.state&suspected != 0 {
		if s := e.suspectOf(r); s != nil {
			e.suspects.touchOne(s)
		}
	}
	e.touchPosition(e.shardOf(r.session), r.position)
}

// touchPosition must be called before the record at position changes or gives up
// its place.
func (e *Engine) touchPosition(l *shard, position uint64) {
	if l.recent.next-position > l.recent.limit {
		return // it has given it up
	}
	l.changed.recent.Set(l.recent.index(position) >> recordBits)
	if e.checkpoint != nil {
		e.checkpoint.shards[l.number].saveRecord(position)
	}
}
