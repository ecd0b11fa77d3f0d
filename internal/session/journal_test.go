package session

import (
	"math/rand/v2"
	"reflect"
	"testing"
)

// TestJournal: facts are read as they were written, but for the raw ids, and
// nothing shorter is read.
func TestJournal(t *testing.T) {
	d := rand.New(rand.NewPCG(firstSeed, 0))
	cfg := historyConfig()
	for seed := range uint64(50) {
		h := seededHistory(seed, anyOrder)
		var b []byte
		facts, _ := h.arrivals()
		for i := range facts {
			b = AppendFact(b, &facts[i].Fact, facts[i].At, cfg.pseudonym)
		}
		rest := b
		for i := range facts {
			var f Fact
			var at int64
			var err error
			if f, at, rest, err = ReadFact(rest); err != nil {
				t.Fatal(err)
			}
			want := facts[i].Fact
			for _, n := range []*Name{&want.Session, &want.Previous, &want.User} {
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
		one := AppendFact(nil, &facts[0].Fact, facts[0].At, cfg.pseudonym)
		if _, _, _, err := ReadFact(one[:d.IntN(len(one))]); err == nil {
			t.Fatal("a part was enough")
		}
		one[0]++
		if _, _, _, err := ReadFact(one); err == nil {
			t.Fatal("it is of another version")
		}
	}
}

// FuzzReadFact reads any bytes as a fact; what it reads, an engine can take.
func FuzzReadFact(f *testing.F) {
	h := seededHistory(firstSeed, anyOrder)
	facts, _ := h.arrivals()
	for i := range facts {
		f.Add(AppendFact(nil, &facts[i].Fact, facts[i].At, h.cfg.pseudonym))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fact, at, rest, err := ReadFact(data)
		if err != nil {
			return
		}
		if len(rest) >= len(data) {
			t.Fatal("nothing was read")
		}
		if int(fact.Policy) >= len(h.cfg.Policies) {
			fact.Policy = NoPolicy
		}
		e := New(h.cfg)
		e.Observe(&fact, at)
		e.Advance(at)
	})
}
