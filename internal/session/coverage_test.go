package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// shares counts the histories that have something.
type shares map[string]uint64

func (s shares) count(h *trial, o outcome, truth map[sessiontest.Key]sessiontest.Expectation) {
	has := map[string]bool{}
	longest, facts := 0, uint64(0)
	for i := range h.Steps {
		if h.Steps[i].Verb == sessiontest.Blind {
			has["blind"] = true
		}
		if h.Steps[i].Verb != sessiontest.Observe {
			continue
		}
		facts++
		f := &h.Steps[i].Fact
		has["kind "+f.Kind.String()] = true
		has["a user of another source"] = has["a user of another source"] || f.UserSource != 0
		if f.Kind == fact.Request {
			has["outcome "+sessiontest.OutcomeNames[f.Outcome]] = true
			for i, name := range sessiontest.FlagNames {
				if f.Flags.Has(1 << i) {
					has["flag "+name] = true
				}
			}
		}
		longest = max(longest, int(f.End-f.Start))
	}
	for _, f := range truth {
		has["type "+f.Type.String()] = true
		has["state "+f.State.String()] = true
		if p := h.Config.Policies[f.Policy]; p.Evidence == fact.EvidenceIdentity {
			has["found under identity"] = true
		}
		has["reason "+f.Reason] = f.Reason != "" || has["reason "+f.Reason]
		has["several requests"] = has["several requests"] || f.Requests > 1
	}
	for _, f := range o.sent {
		has["retracted on the way"] = has["retracted on the way"] || f.State == fact.Retracted
	}
	for _, f := range o.final {
		has["state "+f.State.String()] = true
	}
	has["no finding"] = len(truth) == 0
	has["per request"] = h.Config.PerRequest
	for name, yes := range has {
		if yes {
			s[name]++
		}
	}
	s[fmt.Sprintf("facts %03d", facts)]++
}

func (s shares) add(other shares) {
	for name, n := range other {
		s[name] += n
	}
}

// print writes the shares and reports what is rarer than 1 %.
func (s shares) print(t *testing.T, n uint64) {
	t.Helper()
	names, half, median := make([]string, 0, len(s)), uint64(0), ""
	for name := range s {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		if facts, ok := strings.CutPrefix(name, "facts "); ok {
			if half += s[name]; median == "" && half*2 >= n {
				median = facts
			}
			continue
		}
		fmt.Fprintf(&b, "  %-26s %5.1f %%\n", name, 100*float64(s[name])/float64(n))
	}
	fmt.Printf("%d histories, median %s facts, shares that have\n%s", n, strings.TrimLeft(median, "0"), b.String())
	if n < 1000 {
		return
	}
	if median < "030" {
		t.Errorf("median of %s facts", median)
	}
	wanted := []string{"no finding", "blind", "several requests", "retracted on the way", "a user of another source", "reason shared", "reason identity", "found under identity"}
	for k := range fact.KindCount {
		wanted = append(wanted, "kind "+k.String())
	}
	for _, o := range sessiontest.OutcomeNames {
		wanted = append(wanted, "outcome "+o)
	}
	for k := range fact.TypeCount {
		wanted = append(wanted, "type "+k.String())
	}
	for k := range fact.StateCount {
		wanted = append(wanted, "state "+k.String())
	}
	for _, name := range wanted {
		if s[name]*100 < n {
			t.Errorf("only %d of %d histories have: %s", s[name], n, name)
		}
	}
}
