package session

// compactAll lets go of the timelines that nothing refers to. No pointer to one may
// be held.
func (e *Engine) compactAll() {
	e.each(func(l *shard) { l.sessions.compact(&e.cfg, &e.users) })
}

// compactSome does so with a few where there are many. One fact makes no more than
// that.
func (e *Engine) compactSome() {
	const few = 8
	l := &e.shards[e.seq&e.shardMask]
	if len(l.sessions.timelines) > timelinesAtOnce/len(e.shards) {
		l.sessions.compactSome(&e.cfg, &e.users, few)
	}
}

// timelinesAtOnce is how many timelines there may be before those that nothing
// refers to are let go of, at least. Tests have fewer.
var timelinesAtOnce = 1 << 12
