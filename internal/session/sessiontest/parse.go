package sessiontest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// MustParse is [Parse] for a text that a test holds: it panics at what it does not
// understand.
func MustParse(text string) *History {
	h, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return h
}

// Parse reads a history. Where now is missing it is the end of the fact, or the last
// now; where no policy is named, p0 governs; where no service, web. Empty lines, and
// those that begin with #, say nothing.
func Parse(text string) (*History, error) {
	p := parser{h: &History{Config: DefaultConfig()}, now: Epoch}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if p.line(strings.Fields(line)); p.err != nil {
			return nil, fmt.Errorf("line %d of the history: %q: %w", number, strings.TrimSpace(line), p.err)
		}
	}
	return p.h, nil
}

// parser reads one history. The first mistake is kept; what is read after it is not.
type parser struct {
	h   *History
	now int64 // of the last step
	err error
}

func (p *parser) fail(word, wanted string) {
	if p.err == nil {
		p.err = fmt.Errorf("%q is no %s", word, wanted)
	}
}

func (p *parser) line(words []string) {
	switch {
	case len(words) == 0 || strings.HasPrefix(words[0], "#"):
	case words[0] == "config":
		p.config(words[1:])
	case words[0] == "policy":
		p.policy(words[1:])
	default:
		p.step(words)
	}
}

func (p *parser) config(words []string) {
	c := &p.h.Config
	durations := map[string]*time.Duration{
		"wait": &c.DecisionWait, "idlewait": &c.IdleDecisionWait, "window": &c.ReorderWindow, "ahead": &c.MaxAhead, "age": &c.MaxAge, "update": &c.UpdateInterval,
		"logins": &c.LoginsAssumed, "retention": &c.Retention,
	}
	for _, w := range words {
		k, v, _ := strings.Cut(w, "=")
		switch {
		case durations[k] != nil:
			*durations[k] = p.duration(v)
		case w == "request":
			c.PerRequest = true
		case k == "users":
			c.MaxUsers = int(p.number(v))
		case k == "lanes":
			c.Shards = int(p.number(v))
		default:
			p.fail(w, "setting")
		}
	}
}

func (p *parser) policy(words []string) {
	if len(words) == 0 {
		p.fail("", "name of a policy")
		return
	}
	x := Policy{Name: words[0]}
	durations := map[string]*time.Duration{
		"idle": &x.IdleTimeout, "absolute": &x.AbsoluteTimeout, "tolerance": &x.Tolerance, "end": &x.EndGrace, "rotation": &x.RotationGrace,
	}
	for _, w := range words[1:] {
		k, v, _ := strings.Cut(w, "=")
		switch {
		case durations[k] != nil:
			*durations[k] = p.duration(v)
		case w == "off":
			x.Background = BackgroundOff
		case w == "alert":
			x.Background = BackgroundAlert
		case w == "identity":
			x.Evidence = fact.EvidenceIdentity
		case w == "presented":
			x.Evidence = fact.EvidencePresented
		case w == "inclusive":
			x.Inclusive = true
		case w == "sampled":
			x.Sampled = true
		default:
			p.fail(w, "property of a policy")
		}
	}
	p.h.Config.Policies = append(p.h.Config.Policies, x)
}

func (p *parser) step(words []string) {
	var s Step
	if last := len(words) - 1; words[last] == "keep" {
		s.Keep, words = true, words[:last]
	}
	given := false
	if len(words) > 0 {
		var v string
		if v, given = strings.CutPrefix(words[0], "now="); given {
			s.Now, words = p.instant(v), words[1:]
		}
	}
	switch {
	case len(words) == 1 && words[0] == "advance":
		s.Verb = Advance
	case len(words) > 0 && words[0] == "call":
		s.Verb, s.Caller = Call, p.caller(words[1:])
	case len(words) == 3 && words[0] == "blind":
		s.Verb = Blind
		from, to, _ := strings.Cut(words[1], "..")
		s.Blind = Blindness{p.instant(from), p.instant(to), words[2]}
	case len(words) < 2:
		p.fail(strings.Join(words, " "), "step")
	default:
		s.Fact = p.fact(words)
	}
	if !given {
		s.Now = max(p.now, s.Fact.End, s.Caller.End)
	}
	p.now = s.Now
	p.h.Steps = append(p.h.Steps, s)
}

// fact reads the session, the kind, and what else is said.
func (p *parser) fact(words []string) fact.Fact {
	f := fact.Fact{Kind: p.kind(words[1]), Resource: Resources["web"]}
	if words[0] != "-" {
		f.Session = p.session(words[0])
	}
	if !slices.ContainsFunc(words, func(w string) bool { return strings.HasPrefix(w, "at=") }) {
		p.fail(strings.Join(words, " "), "fact with an instant")
	}
	own := ""
	for _, w := range words[2:] {
		k, v, valued := strings.Cut(w, "=")
		switch {
		case valued && k == "own":
			own = v
		case valued:
			p.valued(&f, k, v)
		default:
			p.word(&f, w)
		}
	}
	if f.At = f.Start; own != "" {
		f.At = p.instant(own)
	}
	present(&f)
	return f
}

// caller reads a span that may be the parent of requests.
func (p *parser) caller(words []string) fact.Caller {
	f, calls := fact.Fact{Resource: Resources["web"]}, true
	for _, w := range words {
		if k, v, valued := strings.Cut(w, "="); valued {
			p.valued(&f, k, v)
		} else if w == "internal" {
			calls = false
		} else {
			p.word(&f, w)
		}
	}
	return fact.Caller{Trace: f.Trace, Span: f.Span, Calls: calls, Start: f.Start, End: f.End, Resource: f.Resource}
}

// valued reads what a fact has a value of.
func (p *parser) valued(f *fact.Fact, k, v string) {
	switch k {
	case "at":
		from, to, long := strings.Cut(v, "..")
		f.Start = p.instant(from)
		if f.End = f.Start; long {
			f.End = p.instant(to)
		}
	case "user":
		name, source, sourced := strings.Cut(v, "/")
		n, err := strconv.Atoi(strings.TrimPrefix(name, "u"))
		if f.User = UserName(n - 1); err != nil || n < 1 || f.User.Raw != name {
			p.fail(v, "user")
		}
		if sourced {
			f.UserSource = p.number(source)
		}
	case "from":
		f.Previous = new(p.session(v))
	case "id":
		trace, span, _ := strings.Cut(v, "/")
		f.Trace[0], f.Span[0] = p.number(trace), p.number(span)
	case "linked":
		f.Linked = new(p.session(v))
	case "parent":
		f.Parent[0] = p.number(v)
	default:
		p.fail(k, "property of a fact")
	}
}

// word reads what is said in one word: a service, a policy, an outcome or a flag.
func (p *parser) word(f *fact.Fact, w string) {
	policy, governed := strings.CutPrefix(w, "p")
	switch {
	case Resources[w] != nil:
		f.Resource = Resources[w]
	case slices.Contains(OutcomeNames, w):
		f.Outcome = fact.Outcome(slices.Index(OutcomeNames, w))
	case slices.Contains(FlagNames, w):
		f.Flags |= 1 << slices.Index(FlagNames, w)
	case w == "p-":
		f.Policy = fact.NoPolicy
	case governed:
		f.Policy = p.number(policy)
	default:
		p.fail(w, "service, policy, outcome or flag")
	}
}

func (p *parser) kind(w string) fact.Kind {
	for k := range fact.KindCount {
		if k.String() == w {
			return k
		}
	}
	p.fail(w, "kind of fact")
	return 0
}

func (p *parser) session(w string) fact.Name {
	letter, size := utf8.DecodeRuneInString(w)
	if letter < 'a' || w == "" || size != len(w) {
		p.fail(w, "session")
	}
	return SessionName(int(letter - 'a'))
}

func (p *parser) duration(v string) time.Duration {
	d, err := time.ParseDuration(v)
	if err != nil {
		p.fail(v, "duration")
	}
	return d
}

func (p *parser) instant(v string) int64 {
	if v == never {
		return 0
	}
	return Epoch + int64(p.duration(v))
}

func (p *parser) number(v string) byte {
	n, err := strconv.ParseUint(v, 10, 8)
	if err != nil {
		p.fail(v, "number up to 255")
	}
	return byte(n)
}
