package advice

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestRound: what was mended is not said for ever, and what was not is said all the
// time.
func TestRound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		shared := func(users int) {
			for i := range firstOnes {
				r.spans(server("shop", attributes{"session.id": "s", "user.id": fmt.Sprintf("u%d", i%users)}))
			}
		}
		shared(3)
		require.Equal(t, []string{"shared_id:letters and digits of 1"}, r.codes())
		time.Sleep(round + time.Second)
		require.Equal(t, []string{"shared_id:letters and digits of 1"}, r.codes(), "a new round has seen nothing yet")
		shared(1)
		require.Empty(t, r.codes())
	})
}

// TestGone: of who is gone nothing is said after a while, and of who has come something
// is.
func TestGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, Config{})
		feed := func(service string) {
			for range 20 {
				r.spans(server(service, nil))
			}
		}
		services := func() (said []string) {
			for _, a := range r.advisor.Advise(&r.counts) {
				said = append(said, a.Service)
			}
			return said
		}
		feed("first")
		require.Equal(t, []string{"first"}, services())
		time.Sleep(round + time.Second)
		require.Equal(t, []string{"first"}, services(), "too little has come for a new round")
		for range 3 {
			time.Sleep(longRound)
			feed("second")
			require.Contains(t, services(), "second")
		}
		require.Equal(t, []string{"second"}, services())
	})
}
