package session

import (
	"cmp"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

const second = time.Second

// A trial is a history and how an engine goes through it.
type trial struct {
	*sessiontest.History
	room room
	// restarts is where the checkpoints, stops and crashes are drawn from that
	// its engine goes through; 0: none.
	restarts uint64
	stops    bool // it stops in order only
	// holds: it is advanced by single holds of the lock, between which facts come.
	holds bool
	audit bool // after each step
}

// room is how much an engine may keep, and for how long, if not as the history says.
type room struct {
	sessions, requests, services int
	retention                    time.Duration
}

// ordinary is room for all that most histories tell.
var ordinary = room{sessions: 32, requests: 1024, services: 16}

func (r room) give(cfg *Config) {
	cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices = r.sessions, r.requests, r.services
	cfg.Retention = cmp.Or(r.retention, cfg.Retention)
}

// trialOf is h in an engine with room for all of it.
func trialOf(h *sessiontest.History) *trial {
	return &trial{History: h, room: ordinary}
}

// parsedTrial is a trial of the history that is written so.
func parsedTrial(text string) *trial { return trialOf(sessiontest.MustParse(text)) }

// with is the same trial of another history.
func (h *trial) with(other *sessiontest.History) *trial {
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

// engineConfig is s as an engine is given it, with room for most histories. Nothing that
// the reference knows may get lost here: see TestEngineConfig.
func engineConfig(s sessiontest.Config) Config {
	cfg := Config{
		DecisionWait: s.DecisionWait, IdleDecisionWait: s.IdleDecisionWait, ReorderWindow: s.ReorderWindow, MaxAhead: s.MaxAhead, MaxAge: s.MaxAge,
		Linked: true, MaxUsers: s.MaxUsers, LoginsAssumed: s.LoginsAssumed, Retention: s.Retention, PerRequest: s.PerRequest, UpdateInterval: s.UpdateInterval, Shards: s.Shards, Pseudonym: sessiontest.Pseudonym,
	}
	for _, p := range s.Policies {
		cfg.Policies = append(cfg.Policies, enginePolicy(p))
	}
	ordinary.give(&cfg)
	return cfg
}

// enginePolicy is p as an engine is given it.
func enginePolicy(p sessiontest.Policy) Policy {
	return Policy{
		Name: p.Name, IdleTimeout: p.IdleTimeout, AbsoluteTimeout: p.AbsoluteTimeout, Tolerance: p.Tolerance,
		EndGrace: p.EndGrace, RotationGrace: p.RotationGrace, Background: Background(p.Background),
		Evidence: p.Evidence, Inclusive: p.Inclusive, Sampled: p.Sampled,
	}
}

// historyConfig is what the engine of a history is given that says nothing of it, but
// for the policies.
func historyConfig() Config { return engineConfig(sessiontest.DefaultConfig()) }

// doStep lets e know what the step says, at its time.
func doStep(s *sessiontest.Step, e *Engine) {
	switch s.Verb {
	case sessiontest.Observe:
		e.observe(&s.Fact, s.Now)
	case sessiontest.Advance:
		e.advance(s.Now)
	case sessiontest.Call:
		e.ObserveCallers([]fact.Caller{s.Caller}, s.Now)
	case sessiontest.Blind:
		e.blind(s.Blind.From, s.Blind.To, s.Blind.Reason)
	}
}

// filled is a T in which every field says something.
func filled[T any](t *testing.T) (v T) {
	t.Helper()
	for _, field := range reflect.ValueOf(&v).Elem().Fields() {
		switch field.Kind() {
		case reflect.String:
			field.SetString("x")
		case reflect.Bool:
			field.SetBool(true)
		case reflect.Int, reflect.Int64:
			field.SetInt(7)
		case reflect.Uint8:
			field.SetUint(2)
		case reflect.Slice: // the policies
		default:
			t.Fatalf("a field of kind %s", field.Kind())
		}
	}
	return v
}

// TestEngineConfig: an engine is given all that the reference goes by, and is given
// nothing of a policy that the reference does not know.
func TestEngineConfig(t *testing.T) {
	require.Equal(t, []Background{BackgroundObserve, BackgroundOff, BackgroundAlert},
		[]Background{Background(sessiontest.BackgroundObserve), Background(sessiontest.BackgroundOff), Background(sessiontest.BackgroundAlert)})

	same := func(want, got reflect.Value, name string) {
		require.True(t, want.IsValid() && got.IsValid(), "one has no %s", name)
		require.Equal(t, want.Convert(got.Type()).Interface(), got.Interface(), name)
	}
	told := filled[sessiontest.Config](t)
	told.Policies = []sessiontest.Policy{filled[sessiontest.Policy](t)}
	cfg := engineConfig(told)
	for field := range reflect.TypeFor[sessiontest.Config]().Fields() {
		if field.Name != "Policies" {
			same(reflect.ValueOf(told).FieldByIndex(field.Index), reflect.ValueOf(cfg).FieldByName(field.Name), field.Name)
		}
	}
	require.Len(t, cfg.Policies, 1)
	require.Equal(t, reflect.TypeFor[sessiontest.Policy]().NumField(), reflect.TypeFor[Policy]().NumField())
	for field := range reflect.TypeFor[Policy]().Fields() {
		same(reflect.ValueOf(told.Policies[0]).FieldByName(field.Name), reflect.ValueOf(cfg.Policies[0]).FieldByIndex(field.Index), field.Name)
	}
}
