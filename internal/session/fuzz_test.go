package session

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// byteDice takes its choices from bytes; when they are used up, the plainest.
type byteDice struct{ left []byte }

func (d *byteDice) Roll(n int) int {
	if len(d.left) == 0 {
		return 0
	}
	b := d.left[0]
	d.left = d.left[1:]
	return int(b) % n
}

// Fuzz with -fuzzminimizetime 10x: with its default the fuzzer spends its time on
// making histories shorter, which [sessiontest.Minimal] does better.

// FuzzMeaning lets the fuzzer choose what [sessiontest.Make] chooses, and holds the
// engine against the reference.
func FuzzMeaning(f *testing.F) {
	seed := rand.New(rand.NewPCG(firstSeed, 0))
	for range 8 {
		data := make([]byte, 1500)
		for i := range data {
			data[i] = byte(seed.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		h := trialOf(sessiontest.Make(&byteDice{data}, sessiontest.AnyOrder))
		if check(h, false) != "" {
			t.Error(report(h, func(h *trial) string { return check(h, false) }))
		}
	})
}

// FuzzObserve gives the engine any facts at all, at any time: it never panics,
// and what it finds is sane.
func FuzzObserve(f *testing.F) {
	f.Add([]byte{0}, uint8(0))
	seed := rand.New(rand.NewPCG(firstSeed, 0))
	for i := range 8 {
		data := make([]byte, 64*factBytes)
		for i := range data {
			data[i] = byte(seed.Uint32() >> (seed.Uint32() % 9))
		}
		f.Add(data, uint8(i*37))
	}
	f.Fuzz(func(t *testing.T, data []byte, config uint8) {
		h := trialOf(&sessiontest.History{Config: sessiontest.DefaultConfig()})
		idle := []time.Duration{10 * time.Second, 0, time.Nanosecond, 1 << 61}[config&3]
		h.Config.Policies = []sessiontest.Policy{
			{Name: "p0", IdleTimeout: idle, Tolerance: time.Second, EndGrace: time.Second},
			{Name: "p1", AbsoluteTimeout: time.Minute, Inclusive: config&4 != 0, Background: sessiontest.Background(config % 3)},
		}
		// Little room, so that everything is displaced and evicted.
		h.room.sessions, h.room.requests, h.room.services = 1+int(config>>6), 1+int(config>>4&3)*5, 2
		h.Config.PerRequest = config&8 != 0
		h.room.retention = time.Hour
		if config&16 != 0 {
			h.Config.MaxAge = time.Hour
		}
		now := sessiontest.Epoch
		for ; len(data) >= factBytes; data = data[factBytes:] {
			s := anyStep(data, &now)
			h.Steps = append(h.Steps, s)
		}
		if o := run(h, true); o.trouble != "" {
			t.Fatalf("%s\n%s", h, o.trouble)
		}
	})
}

// factBytes make one step.
const factBytes = 24

// anyStep reads a step. Instants are near the epoch mostly, and sometimes as far
// away as a broken clock can be. What the extraction sees to is so here: a fact
// ends no earlier than it starts, a request has a session and is governed by a
// policy that exists or by none.
func anyStep(b []byte, now *int64) sessiontest.Step {
	instant := func(code byte, fine []byte) int64 {
		v := int64(binary.LittleEndian.Uint32(fine))
		switch code % 8 {
		case 0:
			return v
		case 1:
			return 1<<62 - v
		case 2, 3:
			return sessiontest.Epoch + int64(fine[0]%8)*int64(time.Second)
		}
		return sessiontest.Epoch + v*int64(10*time.Millisecond)>>16
	}
	name := func(x byte) fact.Name {
		if x %= 6; x > 0 {
			return fact.Name{ID: fact.ID{uint64(x), 1}, Raw: string('a' + rune(x))}
		}
		return fact.Name{}
	}
	*now += int64(b[0]%16) * int64(time.Second)
	s := sessiontest.Step{Now: *now}
	switch b[1] % 16 {
	case 0:
		s.Verb = sessiontest.Advance
		return s
	case 1:
		s.Verb, s.Blind = sessiontest.Blind, sessiontest.Blindness{From: instant(b[2], b[3:]), To: instant(b[7], b[8:]), Reason: "crash"}
		return s
	}
	f := &s.Fact
	f.Kind, f.Outcome, f.Flags, f.Policy = fact.Kind(b[2]%byte(fact.KindCount)), fact.Outcome(b[3]%3), fact.Flags(b[4]&63)|fact.Flags(b[4]>>6&1)*fact.Exempt, b[5]%3
	if f.Policy == 2 {
		f.Policy = fact.NoPolicy
	}
	if f.Kind == fact.Request && b[6]%4 > 0 {
		f.Outcome = fact.Served
	}
	f.Session, f.Previous, f.User = name(b[7]), new(name(b[8])), name(b[9])
	if f.Kind == fact.Request {
		f.Session = name(b[7]%5 + 1)
	}
	f.Start = instant(b[10], b[11:])
	f.End, f.At = f.Start, f.Start
	if f.Kind == fact.Request {
		f.End = max(f.Start, instant(b[15], b[16:]))
		f.At = []int64{f.Start, f.End, instant(b[20], b[20:])}[b[6]%3]
		f.Trace[0], f.Span[0] = b[20]%3, b[21]%5
	}
	f.Resource = sessiontest.Resources[sessiontest.ResourceNames[int(b[22])%len(sessiontest.ResourceNames)]]
	f.Details.Path = string(b[21:23])
	return s
}
