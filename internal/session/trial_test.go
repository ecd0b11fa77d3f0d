package session

import "time"

// A trial is a history and how an engine goes through it.
type trial struct {
	*History
	room room
	// restarts is where the checkpoints, stops and crashes are drawn from that
	// its engine goes through; 0: none.
	restarts uint64
	stops    bool // it stops in order only
	// holds: it is advanced by single holds of the lock, between which facts come.
	holds bool
	audit bool // after each step
}

// room is how much an engine may keep, and for how long.
type room struct {
	sessions, requests, services int
	retention                    time.Duration
}

// ordinary is room for all that most histories tell.
var ordinary = room{sessions: 16, requests: 256, services: 16, retention: 100_000 * time.Hour}

func (r room) give(cfg *Config) {
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices, cfg.Retention = r.sessions, r.requests, r.services, r.retention
}

// trialOf is h in an engine with room for all of it.
func trialOf(h *History) *trial {
	return &trial{History: h, room: ordinary}
}

// parsedTrial is a trial of the history that is written so.
func parsedTrial(text string) *trial { return trialOf(MustParse(text)) }

// with is the same trial of another history.
func (h *trial) with(other *History) *trial {
	t := *h
	t.History = other
	return &t
}

// config is what its engine is given.
func (h *trial) config() Config {
	cfg := engineConfig(h.Config)
	h.room.give(&cfg)
	return cfg
}

// engineConfig is s as an engine is given it, with room for most histories.
func engineConfig(s settings) Config {
	cfg := Config{
		DecisionWait: s.DecisionWait, ReorderWindow: s.ReorderWindow, MaxAhead: s.MaxAhead, MaxAge: s.MaxAge,
		PerRequest: s.PerRequest, UpdateInterval: s.UpdateInterval, Shards: s.Shards, Pseudonym: pseudonym,
	}
	for _, p := range s.Policies {
		cfg.Policies = append(cfg.Policies, enginePolicy(p))
	}
	ordinary.give(&cfg)
	return cfg
}

// enginePolicy is p as an engine is given it.
func enginePolicy(p rules) Policy {
	return Policy{
		Name: p.Name, IdleTimeout: p.IdleTimeout, AbsoluteTimeout: p.AbsoluteTimeout, Tolerance: p.Tolerance,
		EndGrace: p.EndGrace, RotationGrace: p.RotationGrace, Background: Background(p.Background),
		EvidenceIdentity: p.EvidenceIdentity, Inclusive: p.Inclusive, Sampled: p.Sampled,
	}
}

// historyConfig is what the engine of a history is given that says nothing of it, but
// for the policies.
func historyConfig() Config { return engineConfig(DefaultConfig()) }

// doStep lets e know what the step says, at its time.
func doStep(s *Step, e *Engine) {
	switch s.Verb {
	case Observe:
		e.observe(&s.Fact, s.Now)
	case Advance:
		e.advance(s.Now)
	case Blind:
		e.blind(s.Blind.From, s.Blind.To, s.Blind.Reason)
	}
}
