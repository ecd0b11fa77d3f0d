package sessionconsole

import (
	"slices"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// ready is what keeps findings from being found, from being true or from being all, in
// groups. That an engine has got nothing is not worth a word where another one has.
func (x *consoleExtension) ready(now time.Time) []console.Readiness {
	silent := func(a console.Advice) bool { return a.Code == console.NothingArrived }
	received := false
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		received = received || !slices.ContainsFunc(counts.Advice, silent)
	}
	groups := []console.Readiness{{Group: console.AdviceNothing}, {Group: console.AdviceFalse}, {Group: console.AdviceFewer}}
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		for _, a := range counts.Advice {
			i := slices.IndexFunc(groups, func(g console.Readiness) bool { return g.Group == a.Group })
			if i < 0 || received && silent(a) {
				continue
			}
			g := &groups[i]
			g.Title = a.Title
			if len(g.Advice) == mostSentences {
				g.More++
				continue
			}
			g.Advice = append(g.Advice, console.AdviceText{Engine: e.id, Code: a.Code, Service: cut(a.Service), Sentence: a.Sentence})
		}
	}
	return slices.DeleteFunc(groups, func(g console.Readiness) bool { return len(g.Advice) == 0 })
}
