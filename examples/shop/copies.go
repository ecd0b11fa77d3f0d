package shop

import (
	"sync"
	"time"
)

// opinion is what a service asks about a session that the store no longer has.
type opinion interface {
	// saw tells of a session that the store has.
	saw(id, user string, deadline time.Time)
	// honours names the user for whom to serve id all the same, or nobody.
	honours(id string) (user string)
}

// strict leaves the last word to the store.
type strict struct{}

func (strict) saw(string, string, time.Time) {}
func (strict) honours(string) string         { return "" }

// copies are the ledger's own memory of the sessions that it has served. They
// know every rule that the store enforces, so a copy outlives its session only
// where a fault leaves a rule out.
type copies struct {
	cfg   Config
	store *store
	mu    struct {
		sync.Mutex
		byID map[string]sessionCopy
	}
}

type sessionCopy struct {
	user     string
	lastSeen time.Time
	deadline time.Time
}

func newCopies(cfg Config, store *store) *copies {
	c := &copies{cfg: cfg, store: store}
	c.mu.byID = map[string]sessionCopy{}
	return c
}

func (c *copies) saw(id, user string, deadline time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.byID[id] = c.seen(sessionCopy{user: user, deadline: deadline})
}

func (c *copies) honours(id string) string {
	fate := c.store.fate(id)
	c.mu.Lock()
	defer c.mu.Unlock()
	s, ok := c.mu.byID[id]
	now := time.Now()
	switch {
	case !ok,
		fate == ended && !c.cfg.has(IgnoreLogout),
		fate == rotated && !c.cfg.has(KeepRotated),
		fate == cleared && !c.cfg.has(IgnoreClear),
		now.Sub(s.lastSeen) > c.cfg.Idle && !c.cfg.has(IdleCache),
		now.After(s.deadline):
		return ""
	}
	c.mu.byID[id] = c.seen(s)
	return s.user
}

// seen renews a copy with a request that is served from now on.
func (c *copies) seen(s sessionCopy) sessionCopy {
	s.lastSeen = time.Now()
	if c.cfg.has(RearmAbsolute) {
		s.deadline = s.lastSeen.Add(c.cfg.Lifetime)
	}
	return s
}
