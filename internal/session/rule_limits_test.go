package session

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// silences are histories and what they tell of the idle timeout that a service
// really has.
var silences = []struct{ name, text, want string }{
	{"the longest silence that was let pass, the shortest that was not", `policy p0 idle=4s tolerance=2s
		policy p1 idle=1m
		a started at=0s
		a request at=5s p1
		a request at=12s p1
		a request at=30s p1 rejected
		b started at=0s
		b request at=9s p1 rejected
		b request at=20s p1 rejected
		c started at=0s
		c request at=6s api
		c request at=9s api`, `
		rejected_min p1 web 9000000000
		served_max p0 api 6000000000
		served_max p1 web 7000000000`},
	{"also a silence that no limit forbids", `policy p0 idle=1h
		a started at=0s
		a request at=6s
		b started at=0s
		b request at=9s rejected`, `
		rejected_min p0 web 9000000000
		served_max p0 web 6000000000`},
	{"a longer silence of long ago", `policy p0 idle=1m
		a started at=100s
		a request at=105s
		b started at=0s
		b request at=9s`, `
		served_max p0 web 9000000000`},
	{"no silence at all is none", `policy p0 idle=1m
		a started at=0s
		a request at=9s rejected
		b started at=0s
		b request at=0s..5s
		b request at=5s rejected`, `
		rejected_min p0 web 9000000000`},
	{"a refusal behind the limit tells of it", `policy p0 idle=10s
		a started at=0s
		a request at=15s rejected`, `
		rejected_min p0 web 15000000000`},
	{"a refusal behind another limit does not", `policy p0 idle=10s absolute=10s
		a started at=0s
		a request at=9s
		a request at=18s rejected`, `
		served_max p0 web 9000000000`},
	{"though it began with the silence", `policy p0 absolute=10s
		a started at=0s
		a request at=15s rejected`, ""},
	{"nor does one behind an earlier silence", `policy p0 idle=10s
		a started at=0s
		a request at=20s indeterminate
		a request at=25s rejected`, ""},
	{"a silence is that of what keeps a session alive", `policy p0 idle=4s
		policy p1 idle=1m
		a started at=0s
		a request at=5s p1 passive
		a request at=8s p1 consumer
		a request at=9s p1 indeterminate
		b started at=0s
		b request at=5s p1 passive rejected
		b request at=6s p1 consumer rejected`, ""},
	{"a refusal behind an end says nothing of silence", `policy p0 idle=1h
		a started at=0s
		a ended at=1s
		a request at=9s rejected
		b started at=0s
		c rotated from=b at=1s
		b request at=9s rejected
		d started at=0s user=u1
		- ended_user at=1s user=u1
		d request at=9s rejected`, ""},
}

func TestSilences(t *testing.T) {
	for _, c := range silences {
		t.Run(c.name, func(t *testing.T) {
			o := run(parsedTrial(c.text), true)
			require.Empty(t, o.trouble)
			got := slices.DeleteFunc(lines(counters(o.engine)), func(group string) bool { return !isBound(group) })
			require.Equal(t, lines(c.want), got)
		})
	}
}
