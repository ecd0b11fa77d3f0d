package shop

import (
	"sync"
	"time"

	"github.com/alexedwards/scs/v2/memstore"
)

// reason says why an id is no longer one.
type reason string

const (
	alive   reason = ""
	ended   reason = "ended"
	rotated reason = "rotated"
	cleared reason = "cleared"
)

// store holds the sessions of both services and remembers the ids that were
// retired before their time.
//
// It remembers them because scs saves a session when its request ends: one that
// was in flight at logout would otherwise bring the session back.
type store struct {
	sessions *memstore.MemStore
	mu       struct {
		sync.Mutex
		retired map[string]reason
	}
}

func newStore() *store {
	s := &store{sessions: memstore.NewWithCleanupInterval(0)}
	s.mu.retired = map[string]reason{}
	return s
}

// retire ends an id for good; the first reason stays.
func (s *store) retire(id string, why reason) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.retired[id] == alive {
		s.mu.retired[id] = why
	}
	_ = s.sessions.Delete(id)
}

// fate says why an id was retired, or that it was not. An id whose limits have
// passed is not retired; it is no longer found.
func (s *store) fate(id string) reason {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mu.retired[id]
}

// found reports whether id is a session that can be used now.
func (s *store) found(id string) bool {
	_, ok, _ := s.Find(id)
	return ok
}

// Find is part of scs.Store.
func (s *store) Find(id string) ([]byte, bool, error) { return s.sessions.Find(id) }

// Commit is part of scs.Store.
func (s *store) Commit(id string, b []byte, expiry time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.mu.retired[id] != alive {
		return nil
	}
	return s.sessions.Commit(id, b, expiry)
}

// Delete is part of scs.Store.
func (s *store) Delete(id string) error {
	s.retire(id, ended)
	return nil
}

// All is part of scs.IterableStore.
func (s *store) All() (map[string][]byte, error) { return s.sessions.All() }
