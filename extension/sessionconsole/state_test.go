package sessionconsole

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// say is the state's sentence where engines count so.
func say(t *testing.T, all ...console.Counts) (mood, sentence, detail string) {
	t.Helper()
	x := totals{services: map[string]bool{}, late: map[string]int64{}, refused: map[string]int64{}, unnamed: map[string]int64{}, runs: true, sources: []string{"session.id"}}
	for _, c := range all {
		x.add(c)
	}
	return x.say(true)
}

func TestSentence(t *testing.T) {
	judged := func(service string, inTime, late, refused int64) console.Counts {
		return console.Counts{
			Judged: []console.Judged{{Service: service, InTime: inTime, Late: late, Refused: refused}},
			Seen:   []console.Seen{{Service: service, WithID: inTime + late + refused}},
		}
	}
	for _, x := range []struct {
		counts                 []console.Counts
		mood, sentence, detail string
	}{
		{nil, moodEmpty, "In the last hour nothing has been received.", ""},
		{
			[]console.Counts{{Seen: []console.Seen{{Service: "cart", WithoutID: 800}, {Service: "checkout", WithoutID: 1204}}}},
			moodBlind,
			"In the last hour 2,004 requests came from checkout and cart, and none names a session: nothing can be judged.",
			"Looked for: session.id. If the id is somewhere else, say so in session_id::sources.",
		},
		{[]console.Counts{{Seen: []console.Seen{{Service: "cart", NotUnderstood: 8}}}}, moodBlind, "In the last hour records came, but no request that names a session.", ""},
		{[]console.Counts{judged("cart", 1204, 0, 0)}, moodGood, "Watching 1 service. In the last hour no request came on a dead session, of 1,204 judged.", ""},
		{[]console.Counts{judged("cart", 4, 0, 1)}, moodGood, "Watching 1 service. In the last hour the one request that came on a dead session was refused, by cart.", ""},
		{
			[]console.Counts{judged("cart", 4, 0, 30), judged("a", 0, 0, 1)},
			moodGood,
			"Watching 2 services. In the last hour all 31 requests that came on dead sessions were refused, by cart and a.", "",
		},
		{
			[]console.Counts{judged("ledger", 4, 14, 0), judged("storefront", 9, 0, 10), {Seen: []console.Seen{{Service: "x", WithoutID: 37}}}},
			moodBad,
			"Watching 2 services. In the last hour ledger served 14 requests on dead sessions; storefront refused all 10 that came to it.",
			"50 % of the requests name no session: of those nothing is known.",
		},
		{[]console.Counts{judged("", 4, 1, 0)}, moodBad, "Watching 1 service. In the last hour a service without a name served 1 request on dead sessions and refused none.", ""},
		{
			[]console.Counts{judged("a", 0, 1, 1), judged("b", 0, 2, 0), judged("c", 0, 3, 0), judged("d", 0, 4, 0)},
			moodBad,
			"Watching 4 services. In the last hour d, c and 2 others served 10 requests on dead sessions.", "",
		},
	} {
		mood, sentence, detail := say(t, x.counts...)
		require.Equal(t, []string{x.mood, x.sentence, x.detail}, []string{mood, sentence, detail})
	}
	_, _, detail := (&totals{anything: true, withoutID: 1, sources: []string{"session.id"}, nearest: []string{"session_key", "app.sid"}}).say(false)
	require.Equal(t, "Looked for: session.id. There are attributes with names like it: session_key and app.sid. If the id is somewhere else, say so in session_id::sources.", detail)
	_, sentence, _ := (&totals{runs: true}).say(false)
	require.Equal(t, "Nothing has been received yet.", sentence)
}

// The sentence is of the last hour, not of ever.
func TestPast(t *testing.T) {
	var p past
	begin := time.Unix(1e9, 0)
	counts := func(n int64) console.Counts {
		return console.Counts{Judged: []console.Judged{{Service: "a", Late: n, InTime: 2 * n}}, Seen: []console.Seen{{Service: "a", WithID: 3 * n}}}
	}
	for minute := range int64(180) {
		now := begin.Add(time.Duration(minute) * time.Minute)
		p.note(now, counts(minute))
		p.note(now.Add(time.Second), counts(minute+1000)) // too soon
		c, since := p.since(counts(minute))
		want := min(minute, 60)
		require.Equal(t, now.Add(-time.Duration(want)*time.Minute), since)
		require.Equal(t, want, c.Judged[0].Late)
		require.Equal(t, 2*want, c.Judged[0].InTime)
		require.Equal(t, 3*want, c.Seen[0].WithID)
	}
	require.LessOrEqual(t, len(p.samples), 61)
	c, _ := p.since(console.Counts{Judged: []console.Judged{{Service: "new", Late: 3}}})
	require.Equal(t, int64(3), c.Judged[0].Late)
}

// The rate has its n and an interval; a service that nobody tried has none.
func TestServices(t *testing.T) {
	r := newRig(t)
	r.engine.set(console.Counts{
		Judged: []console.Judged{
			{Policy: 0, Service: "idle", InTime: 4},
			{Policy: 0, Service: "storefront", Refused: 10, LongestServed: time.Minute, ShortestRefused: 6 * time.Minute},
			{Policy: 1, Service: "ledger", Late: 14, Violations: map[string]int64{"ended": 14}},
		},
		Seen: []console.Seen{{Service: "ledger", WithID: 20, WithoutID: 30}},
	})
	r.sink.(*engine).mu.at = time.Time{}
	var all console.Services
	r.get("/api/v1/services", &all)
	require.Len(t, all.Services, 3)
	ledger, storefront, idle := all.Services[0], all.Services[1], all.Services[2]
	require.Equal(t, "ledger", ledger.Service)
	require.Zero(t, ledger.Enforcement.Rate)
	require.Equal(t, int64(14), ledger.Enforcement.N)
	require.Equal(t, "default", ledger.Policy)
	require.InDelta(t, 1800, ledger.IdleTimeout, 0)
	require.Equal(t, int64(30), ledger.WithoutID)
	require.InDelta(t, .7225, storefront.Enforcement.Low, .0001, "of 10 of 10")
	require.InDelta(t, 1, storefront.Enforcement.High, 0)
	require.InDelta(t, 360, storefront.ShortestRefused, 0)
	require.Nil(t, idle.Enforcement)
	// Newcombe 1998, table I: 81 of 263 is 0.2553 to 0.3662.
	w := wilson(81, 263)
	require.InDelta(t, .2553, w.Low, .0001)
	require.InDelta(t, .3662, w.High, .0001)
	require.False(t, math.IsNaN(wilson(0, 1).Low))
}

// Limits are told in sentences.
func TestPolicies(t *testing.T) {
	r := newRig(t)
	r.engine.set(console.Counts{
		Seen:   []console.Seen{{Service: "cart", WithoutID: 812}, {Service: "ledger", WithID: 1, WithoutID: 3, NotUnderstood: 1}},
		Judged: []console.Judged{{Policy: 1, Service: "ledger", InTime: 1}},
		Blind:  map[string]time.Duration{"crash": 90 * time.Second}, Lost: map[string]int64{"too_old": 1200}, Undelivered: 2,
	})
	r.sink.(*engine).mu.at = time.Time{}
	var all console.Policies
	r.get("/api/v1/policies", &all)
	require.Equal(t, []string{
		"It governs requests whose service.name is checkout or ledger.",
		"A session is dead when nothing happens for more than 5 min; a finding waits 5 min for what could still show activity.",
		"A session is dead when its login is more than 1 h ago, however much it is used.",
		"A session is dead at its end, and an id as soon as it was rotated away.",
		"Clocks may differ by 2 s. What is served later than that is a finding of severity critical.",
		"Only a request that shows a user proves that its session was honoured.",
		"Background work is not judged.",
	}, all.Policies[0].Sentences)
	require.Contains(t, all.Policies[1].Sentences, "A session is dead 5 s after its end, and an id 30 s after it was rotated away.")
	require.Contains(t, all.Policies[1].Sentences, "It governs every request that no policy before it does.")
	require.Contains(t, all.Policies[1].Sentences, "Its telemetry is sampled, so that silence proves nothing.")
	require.Contains(t, all.Policies[1].Sentences, "A session is dead when nothing happens for 30 min; a finding waits 5 min for what could still show activity.", "inclusive")
	var s console.State
	r.get("/api/v1/state", &s)
	require.Equal(t, []string{
		"cart: none of its 812 requests names a session.",
		"ledger: 75 % of its requests name no session.",
		"ledger: 1 log record is neither events nor access logs.",
		"policy payments has governed no request yet.",
		"policy default has no absolute limit.",
		"policy default is sampled: no silence is proven, so that idle findings are inconclusive.",
	}, s.NotWatched)
	require.Equal(t, []string{"90 s in all, since: crash.", "without a storage, a restart forgets every session."}, s.Blind)
	require.Equal(t, []string{"too old: 1,200.", "findings that found no way out: 2."}, s.Lost)
}

func TestTexts(t *testing.T) {
	for d, want := range map[time.Duration]string{
		340 * time.Millisecond: "340 ms", 1500 * time.Millisecond: "1.5 s", 119 * time.Second: "119 s", 30 * time.Minute: "30 min", time.Hour: "1 h", 61 * time.Minute: "61 min",
		12 * time.Hour: "12 h", 72 * time.Hour: "3 days", -time.Second: "1 s", 0: "0 ms",
	} {
		require.Equal(t, want, duration(d))
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", -100: "-100"} {
		require.Equal(t, want, grouped(n))
	}
	require.Equal(t, "under 1 %", percent(1, 1000))
	require.Equal(t, "over 99 %", percent(999, 1000))
	require.Equal(t, "0 %", percent(0, 0))
	require.Equal(t, "3 suspicions", count(3, "suspicion"))
}
