package sessionconsole

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// Moods of a state.
const (
	moodNone  = "none"
	moodEmpty = "empty"
	moodBlind = "blind"
	moodGood  = "good"
	moodBad   = "bad"
)

// totals of all engines that are shown, within the window.
type totals struct {
	since                time.Time
	services             map[string]bool
	late, refused        map[string]int64 // by service
	lateN, refusedN      int64
	judged, pending      int64
	withID, withoutID    int64
	others               int64
	unnamed              map[string]int64 // requests without an id, by service
	sources, nearest     []string
	demo, anything, runs bool
}

func (x *consoleExtension) totals(now time.Time) (t totals, engines []console.EngineState) {
	t = totals{services: map[string]bool{}, late: map[string]int64{}, refused: map[string]int64{}, unnamed: map[string]int64{}, demo: true}
	for _, e := range x.list() {
		counts, running := e.counts(now)
		t.runs = t.runs || running
		engines = append(engines, console.EngineState{
			ID: e.id, Running: running, Replay: e.description.Replay, Stored: e.description.Stored, KeyID: e.description.KeyID,
			Sources: e.description.Sources, Sessions: counts.Sessions, MaxSessions: e.description.MaxSessions,
			Pending: counts.Pending, Backlog: counts.Backlog, Findings: counts.Findings,
		})
		recent, since := e.past.since(counts)
		if t.since.IsZero() || since.Before(t.since) {
			t.since = since
		}
		t.pending += int64(counts.Pending)
		if t.add(recent) && !e.description.Replay {
			t.demo = false
		}
		if !e.description.Replay {
			t.sources = append(t.sources, e.description.Sources...)
			t.nearest = append(t.nearest, counts.Nearest...)
		}
	}
	t.demo = t.demo && t.anything
	return t, engines
}

// add joins what one engine counted, and reports whether that is anything.
func (t *totals) add(c console.Counts) (received bool) {
	for _, j := range c.Judged {
		n := j.InTime + j.Late + j.Refused + j.RefusedEarly + j.Indeterminate
		if n == 0 {
			continue
		}
		t.services[j.Service] = true
		t.judged += n
		t.lateN += j.Late
		t.refusedN += j.Refused
		if j.Late > 0 {
			t.late[j.Service] += j.Late
		}
		if j.Refused > 0 {
			t.refused[j.Service] += j.Refused
		}
	}
	for _, s := range c.Seen {
		if s.WithID+s.WithoutID+s.Other+s.NotUnderstood > 0 {
			received = true
		}
		t.withID += s.WithID
		t.withoutID += s.WithoutID
		t.others += s.Other + s.NotUnderstood
		if s.WithoutID > 0 {
			t.unnamed[s.Service] += s.WithoutID
		}
	}
	t.anything = t.anything || received
	return received
}

// state is what the console says of everything at now.
func (x *consoleExtension) state(now time.Time) console.State {
	t, engines := x.totals(now)
	s := console.State{
		Version: x.set.BuildInfo.Version, At: console.Instant(now.UnixNano()), Started: console.Instant(x.started.UnixNano()),
		Engines: engines, History: x.ring.counts(), Demo: t.demo, Streams: x.streams.open(),
		NotWatched: x.notWatched(now), Ready: x.ready(now), Blind: x.blind(now), Lost: x.lost(now),
	}
	if s.Engines == nil {
		s.Engines = []console.EngineState{}
	}
	if !t.since.IsZero() {
		s.Since = console.Instant(t.since.UnixNano())
	}
	s.Mood, s.Sentence, s.Detail = t.say(now.Sub(t.since) >= window-sampleEvery && !t.since.IsZero())
	return s
}

// say puts the state in a sentence, and what is not known in another.
func (t *totals) say(hour bool) (mood, sentence, detail string) {
	when := "So far "
	if hour {
		when = "In the last hour "
	}
	switch {
	case !t.runs && !t.anything:
		return moodNone, "No session_timeout processor runs in this collector, so nothing is judged.",
			"Put one into a traces pipeline and a logs pipeline of its configuration."
	case !t.anything:
		if hour {
			return moodEmpty, "In the last hour nothing has been received.", ""
		}
		return moodEmpty, "Nothing has been received yet.", ""
	case t.withID == 0 && t.judged == 0 && t.withoutID > 0:
		return moodBlind, fmt.Sprintf("%s%s came from %s, and none names a session: nothing can be judged.",
				when, count(t.withoutID, "request"), enumerate(largest(t.unnamed))),
			"Looked for: " + enumerate(t.sources) + ". " + t.like() + "If the id is somewhere else, say so in session_id::sources."
	case t.judged == 0:
		return moodBlind, when + "records came, but no request that names a session.", ""
	}
	watching := "Watching " + count(int64(len(t.services)), "service") + ". "
	if t.withoutID > 0 {
		detail = fmt.Sprintf("%s of the requests name no session: of those nothing is known.", percent(t.withoutID, t.withoutID+t.withID))
	}
	if t.pending > 0 {
		waits := " still wait for what could clear them."
		if t.pending == 1 {
			waits = " still waits for what could clear it."
		}
		detail = strings.TrimSpace(detail + " " + count(t.pending, "suspicion") + waits)
	}
	switch {
	case t.lateN == 0 && t.refusedN == 0:
		return moodGood, fmt.Sprintf("%s%sno request came on a dead session, of %s judged.", watching, when, grouped(t.judged)), detail
	case t.lateN == 0:
		all := "all " + grouped(t.refusedN) + " requests that came on dead sessions were refused, by "
		if t.refusedN == 1 {
			all = "the one request that came on a dead session was refused, by "
		}
		return moodGood, watching + when + all + enumerate(largest(t.refused)) + ".", detail
	}
	sentence = fmt.Sprintf("%s%s%s served %s on dead sessions", watching, when, enumerate(largest(t.late)), count(t.lateN, "request"))
	if clean := t.onlyRefused(); len(clean) > 0 {
		var n int64
		for _, s := range clean {
			n += t.refused[s]
		}
		names := make([]string, len(clean))
		for i := range clean {
			names[i] = orNameless(clean[i])
		}
		sentence += fmt.Sprintf("; %s refused all %s that came to %s", enumerate(names), grouped(n), them(len(clean)))
	} else if t.refusedN == 0 {
		sentence += " and refused none"
	}
	return moodBad, sentence + ".", detail
}

// like says which attributes have names like those that are looked for.
func (t *totals) like() string {
	if len(t.nearest) == 0 {
		return ""
	}
	return "There are attributes with names like it: " + enumerate(t.nearest) + ". "
}

func them(n int) string {
	if n == 1 {
		return "it"
	}
	return "them"
}

// onlyRefused are the services that refused every request on a dead session.
func (t *totals) onlyRefused() (names []string) {
	for _, s := range slices.Sorted(maps.Keys(t.refused)) {
		if t.late[s] == 0 {
			names = append(names, s)
		}
	}
	return names
}

// largest are the names of by, those with the most in front.
func largest(by map[string]int64) []string {
	keys := slices.Sorted(maps.Keys(by))
	slices.SortStableFunc(keys, func(a, b string) int { return int(min(max(by[b]-by[a], -1), 1)) })
	for i := range keys {
		keys[i] = orNameless(keys[i])
	}
	return keys
}
