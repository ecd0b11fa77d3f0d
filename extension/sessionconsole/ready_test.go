package sessionconsole

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// What there is to mend is said in its groups, the worst first, and where nothing is, nothing.
func TestReady(t *testing.T) {
	r := newRig(t)
	advice := func(group, code string) console.Advice {
		return console.Advice{Group: group, Title: "Because " + group, Code: code, Service: "shop", Sentence: code + " of shop."}
	}
	text := func(engine, code string) console.AdviceText {
		return console.AdviceText{Engine: engine, Code: code, Service: "shop", Sentence: code + " of shop."}
	}
	ready := func() []console.Readiness {
		var s console.State
		r.get("/api/v1/state", &s)
		require.NotNil(t, s.Ready)
		return s.Ready
	}
	require.Empty(t, ready())
	r.setCounts(console.Counts{Advice: []console.Advice{
		advice(console.AdviceNothing, console.NothingArrived), advice(console.AdviceFewer, "logins_none"), advice(console.AdviceFalse, "sampled"), advice("other", "x"),
	}})
	const mine = "session_timeout"
	require.Equal(t, []console.Readiness{
		{Group: "nothing", Title: "Because nothing", Advice: []console.AdviceText{text(mine, "nothing_arrived")}},
		{Group: "false", Title: "Because false", Advice: []console.AdviceText{text(mine, "sampled")}},
		{Group: "fewer", Title: "Because fewer", Advice: []console.AdviceText{text(mine, "logins_none")}},
	}, ready())

	second := &fakeEngine{}
	second.set(console.Counts{Seen: []console.Seen{{Service: "shop", WithID: 1}}, Advice: []console.Advice{advice(console.AdviceFewer, "logins_often")}})
	r.Register(component.MustNewIDWithName("session_timeout", "replay"), second)
	require.Equal(t, []console.Readiness{
		{Group: "false", Title: "Because false", Advice: []console.AdviceText{text(mine, "sampled")}},
		{Group: "fewer", Title: "Because fewer", Advice: []console.AdviceText{text(mine, "logins_none"), text(mine+"/replay", "logins_often")}},
	}, ready(), "that one gets nothing is not worth a word where another does")

	var many []console.Advice
	for i := range mostSentences + 7 {
		many = append(many, advice(console.AdviceNothing, strconv.Itoa(i)))
	}
	r.setCounts(console.Counts{Advice: many})
	require.Len(t, ready()[0].Advice, mostSentences)
	require.Equal(t, 7, ready()[0].More)
}
