package sessionconsole

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// mostSentences bounds each list of sentences.
const mostSentences = 50

// of names the engine where there are several.
func (x *consoleExtension) of(e *engine) string {
	if len(x.list()) < 2 {
		return ""
	}
	return " (" + e.id + ")"
}

// notWatched says of what no verdict is reached.
func (x *consoleExtension) notWatched(now time.Time) []string {
	all := []string{}
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		for _, s := range counts.Seen {
			switch {
			case s.WithoutID > 0 && s.WithID == 0:
				all = append(all, fmt.Sprintf("%s: none of its %s names a session%s.", orNameless(s.Service), count(s.WithoutID, "request"), x.of(e)))
			case s.WithoutID > 0:
				all = append(all, fmt.Sprintf("%s: %s of its requests name no session%s.", orNameless(s.Service), percent(s.WithoutID, s.WithoutID+s.WithID), x.of(e)))
			}
			if s.NotUnderstood > 0 {
				all = append(all, fmt.Sprintf("%s: %s neither events nor access logs%s.", orNameless(s.Service), countAre(s.NotUnderstood, "log record"), x.of(e)))
			}
		}
		judged := map[int]bool{}
		for _, j := range counts.Judged {
			judged[j.Policy] = true
		}
		for i, p := range e.description.Policies {
			switch {
			case p.IdleTimeout == 0 && p.AbsoluteTimeout == 0:
				all = append(all, fmt.Sprintf("policy %s has neither an idle nor an absolute limit: only ends are watched%s.", shortCut(p.Name), x.of(e)))
			case p.IdleTimeout == 0:
				all = append(all, fmt.Sprintf("policy %s has no idle limit%s.", shortCut(p.Name), x.of(e)))
			case p.AbsoluteTimeout == 0:
				all = append(all, fmt.Sprintf("policy %s has no absolute limit%s.", shortCut(p.Name), x.of(e)))
			}
			if !judged[i] {
				all = append(all, fmt.Sprintf("policy %s has governed no request yet%s.", shortCut(p.Name), x.of(e)))
			}
			if p.Sampled {
				all = append(all, fmt.Sprintf("policy %s is sampled: no silence is proven, so that idle findings are inconclusive%s.", shortCut(p.Name), x.of(e)))
			}
		}
	}
	return bounded(all)
}

func countAre(n int64, noun string) string {
	if n == 1 {
		return count(n, noun) + " is"
	}
	return count(n, noun) + " are"
}

// bounded leaves so many sentences as are shown.
func bounded(all []string) []string {
	if n := len(all); n > mostSentences {
		return append(all[:mostSentences:mostSentences], fmt.Sprintf("%d more.", n-mostSentences))
	}
	return all
}

// blind says when facts may have been lost for good.
func (x *consoleExtension) blind(now time.Time) []string {
	all := []string{}
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		for _, reason := range slices.Sorted(maps.Keys(counts.Blind)) {
			if d := counts.Blind[reason]; d > 0 {
				all = append(all, fmt.Sprintf("%s in all, since: %s%s.", duration(d), reason, x.of(e)))
			}
		}
		if !e.description.Stored && !e.description.Replay {
			all = append(all, fmt.Sprintf("without a storage, a restart forgets every session%s.", x.of(e)))
		}
	}
	return bounded(all)
}

// lost says what evidence was refused or given up.
func (x *consoleExtension) lost(now time.Time) []string {
	all := []string{}
	for _, e := range x.list() {
		counts, _ := e.counts(now)
		for _, reason := range slices.Sorted(maps.Keys(counts.Lost)) {
			all = append(all, fmt.Sprintf("%s: %s%s.", strings.ReplaceAll(reason, "_", " "), grouped(counts.Lost[reason]), x.of(e)))
		}
		if counts.Undelivered > 0 {
			all = append(all, fmt.Sprintf("findings that found no way out: %s%s.", grouped(counts.Undelivered), x.of(e)))
		}
	}
	if n := x.streams.droppedTotal(); n > 0 {
		all = append(all, fmt.Sprintf("findings that a slow page was not shown: %s.", grouped(n)))
	}
	return bounded(all)
}

// policies are all policies in words.
func (x *consoleExtension) policies() console.Policies {
	all := console.Policies{Policies: []console.PolicyText{}}
	for _, e := range x.list() {
		for i, p := range e.description.Policies {
			all.Policies = append(all.Policies, console.PolicyText{
				Engine: e.id, Replay: e.description.Replay, Name: cut(p.Name), Sentences: policySentences(&p, i == len(e.description.Policies)-1, &e.description),
				IdleTimeout: p.IdleTimeout.Seconds(), AbsoluteTimeout: p.AbsoluteTimeout.Seconds(), Tolerance: p.Tolerance.Seconds(),
				EndGrace: p.EndGrace.Seconds(), RotationGrace: p.RotationGrace.Seconds(),
			})
		}
	}
	return all
}

// behind is so long after something, or at once.
func behind(d time.Duration, atOnce string) string {
	if d == 0 {
		return atOnce
	}
	return duration(d) + " after"
}

func policySentences(p *console.Policy, last bool, d *console.Description) []string {
	whom := "It governs every request that no policy before it does."
	if len(p.Match) > 0 {
		var parts []string
		for _, name := range slices.Sorted(maps.Keys(p.Match)) {
			values := slices.Clone(p.Match[name])
			for i := range values {
				values[i] = shortCut(values[i])
			}
			parts = append(parts, shortCut(name)+" is "+strings.Join(values, " or "))
		}
		whom = "It governs requests whose " + strings.Join(parts, " and ") + "."
		if last {
			whom += " Requests that no policy governs are not judged."
		}
	}
	than := "more than "
	if p.Inclusive {
		than = ""
	}
	all := []string{whom}
	if p.IdleTimeout > 0 {
		waits := "."
		if d.IdleDecisionWait > 0 {
			waits = fmt.Sprintf("; a finding waits %s for what could still show activity.", duration(d.IdleDecisionWait))
		}
		all = append(all, fmt.Sprintf("A session is dead when nothing happens for %s%s%s", than, duration(p.IdleTimeout), waits))
	}
	if p.AbsoluteTimeout > 0 {
		all = append(all, fmt.Sprintf("A session is dead when its login is %s%s ago, however much it is used.", than, duration(p.AbsoluteTimeout)))
	}
	all = append(all,
		fmt.Sprintf("A session is dead %s its end, and an id %s it was rotated away.", behind(p.EndGrace, "at"), behind(p.RotationGrace, "as soon as")),
		fmt.Sprintf("Clocks may differ by %s. What is served later than that is a finding of severity %s.", duration(p.Tolerance), p.Severity))
	switch p.Evidence {
	case "identity":
		all = append(all, "Only a request that shows a user proves that its session was honoured.")
	case "presented":
		all = append(all, "A success proves that a session was honoured, even if the client merely presented the id.")
	}
	switch p.Background {
	case "off":
		all = append(all, "Background work is not judged.")
	case "observe":
		all = append(all, "Background work is judged, and raises no alert.")
	}
	if p.Sampled {
		all = append(all, "Its telemetry is sampled, so that silence proves nothing.")
	}
	return all
}
