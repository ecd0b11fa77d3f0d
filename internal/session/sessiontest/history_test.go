package sessiontest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestText: a history is read as it is written, but for what findings quote.
func TestText(t *testing.T) {
	for seed := range uint64(300) {
		for _, how := range []Delivery{InWindow, AnyOrder} {
			h := Seeded(seed, how)
			for i := range h.Steps {
				h.Steps[i].Fact.Details = fact.Details{User: h.Steps[i].Fact.Details.User} // who is presented is a user with a flag
			}
			again, err := Parse(h.String())
			require.NoError(t, err)
			require.Equal(t, h.String(), again.String())
			if h.Config.Shards == 1 { // one is not written
				again.Config.Shards = 1
			}
			require.Equal(t, h, again)
		}
	}
}

// What a line leaves out goes without saying.
func TestParse(t *testing.T) {
	h := MustParse("\n# nothing\npolicy p0 idle=10s\n\ta request at=1s..3s\n\tadvance\nb request at=2s p1 api keep\nnow=5s - ended_user at=4s own=5s user=u12\n")
	require.Equal(t, &History{
		Config: func() Config {
			c := DefaultConfig()
			c.Policies = []Policy{{Name: "p0", IdleTimeout: 10e9}}
			return c
		}(),
		Steps: []Step{
			{Now: Epoch + 3e9, Fact: fact.Fact{Session: SessionName(0), Start: Epoch + 1e9, End: Epoch + 3e9, At: Epoch + 1e9, Resource: Resources["web"]}},
			{Verb: Advance, Now: Epoch + 3e9},
			{Now: Epoch + 3e9, Fact: fact.Fact{Session: SessionName(1), Policy: 1, Start: Epoch + 2e9, End: Epoch + 2e9, At: Epoch + 2e9, Resource: Resources["api"]}, Keep: true},
			{Now: Epoch + 5e9, Fact: fact.Fact{Kind: fact.EndedUser, User: UserName(11), Start: Epoch + 4e9, End: Epoch + 4e9, At: Epoch + 5e9, Resource: Resources["web"]}},
		},
	}, h)
}

// What is not understood is named, and so is its line.
func TestParseMistakes(t *testing.T) {
	for text, want := range map[string]string{
		"\na requst at=0s":                `line 2 of the history: "a requst at=0s": "requst" is no kind of fact`,
		"a request at=5":                  `"5" is no duration`,
		"a request at=0s..":               `"" is no duration`,
		"A request at=0s":                 `"A" is no session`,
		"ab request at=0s":                `"ab" is no session`,
		"b rotated from= at=0s":           `"" is no session`,
		"a request at=0s user=u0":         `"u0" is no user`,
		"a request at=0s user=7":          `"7" is no user`,
		"a request at=0s id=256/1":        `"256" is no number up to 255`,
		"a request at=0s pq":              `"q" is no number up to 255`,
		"a request at=0s somewhere":       `"somewhere" is no service, policy, outcome or flag`,
		"a request at=0s of=b":            `"of" is no property of a fact`,
		"a request served":                `"a request served" is no fact with an instant`,
		"a":                               `"a" is no step`,
		"now=1s":                          `"" is no step`,
		"keep":                            `"" is no step`,
		"blind 0s..1s":                    `"0s..1s" is no kind of fact`,
		"config wait=10":                  `"10" is no duration`,
		"config lane=2":                   `"lane=2" is no setting`,
		"policy":                          `"" is no name of a policy`,
		"policy p0 idle":                  `"" is no duration`,
		"policy p0 idle=1s loud":          `"loud" is no property of a policy`,
		"policy p0 background=off idle=x": `"background=off" is no property of a policy`,
	} {
		_, err := Parse(text)
		require.ErrorContains(t, err, want, text)
		require.Panics(t, func() { MustParse(text) })
	}
}

// TestMinimal: what is not needed is taken away, and what is to be kept is not.
func TestMinimal(t *testing.T) {
	h := Seeded(1, InWindow)
	h.Steps[3].Keep = true
	kept := h.Steps[3]
	before := h.String()
	served := func(h *History) (n int) {
		for i := range h.Steps {
			if s := &h.Steps[i]; s.Verb == Observe && s.Fact.Kind == fact.Request && s.Fact.Outcome == fact.Served {
				n++
			}
		}
		return n
	}
	require.Greater(t, served(h), 2)
	bad := func(h *History) bool { return served(h) >= 2 }
	small := Minimal(h, bad)
	require.Equal(t, before, h.String())
	require.True(t, bad(small))
	require.Contains(t, small.Steps, kept)
	require.LessOrEqual(t, len(small.Steps), 3)
	for _, s := range small.Steps {
		if s != kept {
			require.Zero(t, s.Fact.Trace)
			require.Zero(t, s.Fact.Flags)
			require.Equal(t, s.Fact.Start, s.Fact.End)
		}
	}
	for _, p := range small.Config.Policies {
		require.Equal(t, Policy{Name: p.Name}, p)
	}
}
