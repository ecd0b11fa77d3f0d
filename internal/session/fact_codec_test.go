package session

import (
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// TestJournal: facts are read as they were written, but for the raw ids, and
// nothing shorter is read.
func TestJournal(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	cfg := historyConfig()
	for seed := range uint64(50) {
		h := seededHistory(seed, sessiontest.AnyOrder)
		var b []byte
		facts, _ := h.Arrivals()
		for i := range facts {
			b = fact.Append(b, &facts[i].Fact, facts[i].At, cfg.pseudonym)
		}
		rest := b
		for i := range facts {
			var f fact.Fact
			var at int64
			var err error
			if f, at, rest, err = fact.Read(rest); err != nil {
				t.Fatal(err)
			}
			want := facts[i].Fact
			for _, n := range []**fact.Name{&want.Previous, &want.Linked} {
				if *n != nil {
					*n = new(**n) // the other may be another fact's, too
				}
			}
			for _, n := range []*fact.Name{&want.Session, want.Previous, &want.User, want.Linked} {
				if n == nil {
					continue
				}
				if !n.ID.IsZero() {
					p := cfg.pseudonym(n)
					n.Pseudonym = &p
				}
				n.Raw = ""
			}
			if *f.Resource != *want.Resource || at != facts[i].At {
				t.Fatalf("%+v at %d, want %+v at %d", f, at, want, facts[i].At)
			}
			if f.Resource, want.Resource = nil, nil; !reflect.DeepEqual(f, want) {
				t.Fatalf("%+v, want %+v", f, want)
			}
		}
		if len(rest) > 0 {
			t.Fatalf("%d bytes too many", len(rest))
		}
		one := fact.Append(nil, &facts[0].Fact, facts[0].At, cfg.pseudonym)
		if _, _, _, err := fact.Read(one[:d.IntN(len(one))]); err == nil {
			t.Fatal("a part was enough")
		}
		one[0]++
		if _, _, _, err := fact.Read(one); err == nil {
			t.Fatal("it is of another version")
		}
	}
}

// FuzzReadFact reads any bytes as a fact; what it reads, an engine can take.
func FuzzReadFact(f *testing.F) {
	h := seededHistory(firstSeed, sessiontest.AnyOrder)
	cfg := h.config()
	facts, _ := h.Arrivals()
	for i := range facts {
		f.Add(fact.Append(nil, &facts[i].Fact, facts[i].At, cfg.pseudonym))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		got, at, rest, err := fact.Read(data)
		if err != nil {
			return
		}
		if len(rest) >= len(data) {
			t.Fatal("nothing was read")
		}
		if int(got.Policy) >= len(h.Config.Policies) {
			got.Policy = fact.NoPolicy
		}
		e := New(h.config())
		e.observe(&got, at)
		e.advance(at)
	})
}
