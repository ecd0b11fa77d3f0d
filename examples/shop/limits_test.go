package shop

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// bench is both services without a network. It is made outside of the bubble
// whose fake clock it is used on, since scs starts a goroutine that never ends.
type bench struct {
	t                  *testing.T
	storefront, ledger http.Handler
	cookie             string
}

func newBench(t *testing.T) *bench {
	t.Helper()
	cfg := Config{Idle: time.Minute, Lifetime: 3 * time.Minute}
	sdk, err := newTelemetry(t.Context(), cfg, "test")
	require.NoError(t, err)
	s := newStore()
	g := newGate(cfg, s, sdk.events())
	return &bench{
		t:          t,
		storefront: (&storefront{gate: g}).routes(sdk),
		ledger: (&ledger{
			cfg: cfg, gate: g, copies: newCopies(cfg, s), feed: newFeed(cfg, s),
			jobs: newJobs(t.Context(), cfg, s, sdk.tracer()),
		}).routes(sdk),
	}
}

// ask sends a request with the session that the last answer left.
func (b *bench) ask(service http.Handler, method, path string) int {
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, http.NoBody)
	r.AddCookie(&http.Cookie{Name: CookieName, Value: b.cookie})
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b.cookie = c.Value
	}
	return w.Code
}

func (b *bench) login() {
	require.Equal(b.t, http.StatusNoContent, b.ask(b.storefront, "POST", "/login?user=somebody"))
}

// alive asks for nothing that would count as use.
func (b *bench) alive() bool {
	return b.ask(b.ledger, "GET", "/notifications") == http.StatusOK
}

func TestIdleLimit(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		b.login()
		time.Sleep(time.Minute)
		require.Equal(t, http.StatusOK, b.ask(b.storefront, "GET", "/cart"), "use at the limit")
		time.Sleep(time.Minute)
		require.True(t, b.alive())
		time.Sleep(time.Nanosecond)
		require.False(t, b.alive(), "polling is no use")
		require.Equal(t, http.StatusUnauthorized, b.ask(b.storefront, "GET", "/cart"))
		require.Equal(t, http.StatusUnauthorized, b.ask(b.ledger, "GET", "/orders"))
	})
}

func TestAbsoluteLimit(t *testing.T) {
	b := newBench(t)
	synctest.Test(t, func(t *testing.T) {
		b.login()
		for range 6 {
			time.Sleep(30 * time.Second)
			require.Equal(t, http.StatusOK, b.ask(b.ledger, "GET", "/orders"))
		}
		time.Sleep(time.Nanosecond)
		require.False(t, b.alive())
	})
}

// TestRenewal: a new id is no new session, but a second login is.
func TestRenewal(t *testing.T) {
	for path, old := range map[string]bool{"/renew": true, "/login?user=somebody": false} {
		b := newBench(t)
		synctest.Test(t, func(t *testing.T) {
			b.login()
			first := b.cookie
			time.Sleep(time.Minute)
			require.Equal(t, http.StatusNoContent, b.ask(b.storefront, "POST", path))
			require.NotEqual(t, first, b.cookie)
			for range 5 {
				time.Sleep(25 * time.Second)
				b.ask(b.ledger, "GET", "/orders")
			}
			require.Equal(t, old, !b.alive(), path)
			b.cookie = first
			require.False(t, b.alive())
		})
	}
}

func TestPasswordChange(t *testing.T) {
	b := newBench(t)
	b.login()
	first := b.cookie
	b.cookie = ""
	b.login()
	second := b.cookie
	require.Equal(t, http.StatusNoContent, b.ask(b.storefront, "POST", "/account/password"))
	require.True(t, b.alive())
	b.cookie = first
	require.False(t, b.alive())
	b.cookie = second
	require.Equal(t, http.StatusNoContent, b.ask(b.storefront, "POST", "/logout"))
	b.cookie = second
	require.False(t, b.alive())
}

func TestConfig(t *testing.T) {
	err := Config{Idle: -1, Lifetime: -2, Faults: []Fault{"haunted"}}.Validate()
	require.ErrorContains(t, err, "idle must be positive (got -1ns)")
	require.ErrorContains(t, err, "lifetime must be longer than idle (got -2ns, idle -1ns)")
	require.ErrorContains(t, err, `(got "haunted")`)
	require.NoError(t, Config{Idle: 1, Lifetime: 2, Faults: Faults}.Validate())
}
