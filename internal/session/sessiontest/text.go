package sessiontest

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// String writes h as [Parse] reads it. What a finding quotes of a request is left out.
func (h *History) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "config wait=%s window=%s ahead=%s age=%s update=%s", h.Config.DecisionWait, h.Config.ReorderWindow,
		h.Config.MaxAhead, h.Config.MaxAge, h.Config.UpdateInterval)
	writeWord(&b, h.Config.IdleDecisionWait > 0, fmt.Sprint("idlewait=", h.Config.IdleDecisionWait))
	writeWord(&b, h.Config.MaxUsers != DefaultConfig().MaxUsers, fmt.Sprint("users=", h.Config.MaxUsers))
	writeWord(&b, h.Config.LoginsAssumed > 0, fmt.Sprint("logins=", h.Config.LoginsAssumed))
	writeWord(&b, h.Config.Retention != rememberAll, fmt.Sprint("retention=", h.Config.Retention))
	writeWord(&b, h.Config.PerRequest, "request")
	writeWord(&b, h.Config.Shards > 1, fmt.Sprint("lanes=", h.Config.Shards))
	for _, p := range h.Config.Policies {
		fmt.Fprintf(&b, "\npolicy %s idle=%s absolute=%s tolerance=%s end=%s rotation=%s", p.Name, p.IdleTimeout, p.AbsoluteTimeout,
			p.Tolerance, p.EndGrace, p.RotationGrace)
		writeWord(&b, p.Background == BackgroundOff, "off")
		writeWord(&b, p.Background == BackgroundAlert, "alert")
		writeWord(&b, p.Evidence == fact.EvidenceIdentity, "identity")
		writeWord(&b, p.Evidence == fact.EvidencePresented, "presented")
		writeWord(&b, p.Inclusive, "inclusive")
		writeWord(&b, p.Sampled, "sampled")
	}
	for i := range h.Steps {
		s := &h.Steps[i]
		fmt.Fprintf(&b, "\nnow=%s ", InstantText(s.Now))
		switch s.Verb {
		case Advance:
			b.WriteString("advance")
		case Blind:
			fmt.Fprintf(&b, "blind %s..%s %s", InstantText(s.Blind.From), InstantText(s.Blind.To), s.Blind.Reason)
		case Call:
			writeCaller(&b, &s.Caller)
		case Observe:
			writeFact(&b, &s.Fact)
		}
		writeWord(&b, s.Keep, "keep")
	}
	return b.String()
}

// FlagNames are the names of the flags in the text form, in the order of their bits.
var FlagNames = []string{"consumer", "passive", "stream", "presented", "log", "sampled", "options", "local", "claimed", "said", "exempt"}

// OutcomeNames are the names of the outcomes in the text form.
var OutcomeNames = []string{"served", "indeterminate", "rejected"}

func writeFact(b *strings.Builder, f *fact.Fact) {
	name := f.Session.Raw
	if name == "" {
		name = "-"
	}
	fmt.Fprintf(b, "%s %s at=%s", name, f.Kind, InstantText(f.Start))
	if f.End != f.Start {
		fmt.Fprintf(b, "..%s", InstantText(f.End))
	}
	if f.At != f.Start {
		fmt.Fprintf(b, " own=%s", InstantText(f.At))
	}
	fmt.Fprintf(b, " %s", resourceName(*f.Resource))
	if f.Kind == fact.Request {
		fmt.Fprintf(b, " %s %s", policyText(f.Policy), OutcomeNames[f.Outcome])
	} else if f.Policy != 0 { // a request that it governed said this
		fmt.Fprintf(b, " %s", policyText(f.Policy))
	}
	for i, flag := range FlagNames {
		writeWord(b, f.Flags.Has(1<<i), flag)
	}
	user := "user=" + f.User.Raw
	if f.UserSource != 0 {
		user += "/" + strconv.Itoa(int(f.UserSource))
	}
	writeWord(b, f.User.Raw != "", user)
	if f.Previous != nil && f.Previous.Raw != "" {
		fmt.Fprintf(b, " from=%s", f.Previous.Raw)
	}
	writeWord(b, f.Trace[0] != 0 || f.Span[0] != 0, fmt.Sprintf("id=%d/%d", f.Trace[0], f.Span[0]))
	if f.Linked != nil && f.Linked.Raw != "" {
		fmt.Fprintf(b, " linked=%s", f.Linked.Raw)
	}
	writeWord(b, f.Parent[0] != 0, fmt.Sprintf("parent=%d", f.Parent[0]))
}

func writeCaller(b *strings.Builder, c *fact.Caller) {
	fmt.Fprintf(b, "call at=%s..%s %s id=%d/%d", InstantText(c.Start), InstantText(c.End), resourceName(*c.Resource), c.Trace[0], c.Span[0])
	writeWord(b, !c.Calls, "internal")
}

func policyText(p uint8) string {
	if p == fact.NoPolicy {
		return "p-"
	}
	return "p" + strconv.Itoa(int(p))
}

func writeWord(b *strings.Builder, write bool, w string) {
	if write {
		b.WriteString(" " + w)
	}
}

// never is the instant 0, which a finding has where there is none.
const never = "never"

// InstantText writes an instant.
func InstantText(t int64) string {
	if t == 0 {
		return never
	}
	return time.Duration(t - Epoch).String()
}

// FindingText writes what matters of f, word by word, so that a test can ask for some
// of the words.
func (h *History) FindingText(f *fact.Finding) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s %s %s %s at=%s overrun=%s expired=%s n=%d first=%s last=%s origin=%s activity=%s id=%d/%d",
		RawOf(f.Session), f.Type, f.State, h.Config.Policies[f.Policy].Name, resourceName(f.Resource), InstantText(f.At), time.Duration(f.Overrun),
		InstantText(f.ExpiredAt), f.Requests, InstantText(f.FirstAt), InstantText(f.LastAt), InstantText(f.StartedAt), InstantText(f.LastActivityAt),
		f.Trace[0], f.Span[0])
	writeWord(&b, f.Reason != "", "reason="+f.Reason)
	writeWord(&b, f.EndedBy != "", "by="+f.EndedBy)
	writeWord(&b, f.StartKnown, "known")
	writeWord(&b, !f.StartKnown, "unknown")
	writeWord(&b, f.Evidence != fact.EvidenceSuccess, f.Evidence.String())
	writeWord(&b, f.User != fact.Pseudonym{}, "user="+RawOf(f.User))
	writeWord(&b, f.Background, "background")
	writeWord(&b, f.Details != fact.Details{}, fmt.Sprintf("%s%s%s", f.Details.Method, f.Details.Route, f.Details.Path))
	return b.String()
}
