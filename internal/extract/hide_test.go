package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHide(t *testing.T) {
	const session, user = "0123456789abcdef", "42"
	hidden, none := newSecrets(session, user), newSecrets("", "")
	for text, want := range map[string]string{
		"":                                 "",
		"/cart":                            "/cart",
		"/sessions/" + session:             "/sessions/_",
		"/sessions/" + session + "x/items": "/sessions/_x/items",
		"replies." + session:               "replies._",
		"/users/42/orders/142":             "/users/_/orders/142",
		"/42/42":                           "/_/_",
		"/a42/42b":                         "/a42/42b",
		"42":                               "_",
	} {
		require.Equal(t, want, hidden.quote(text), text)
	}
	require.Equal(t, "/x", none.quote("/x"))
	alone := newSecrets(session, "")
	require.Equal(t, "/users/42/_", alone.quote("/users/42/"+session))
	require.Equal(t, "_", alone.quote(session))
	long := strings.Repeat("s", maxDetail)
	require.Equal(t, long, none.quote(long))
	require.Equal(t, long, none.quote(long+"s"))
	require.Equal(t, long, alone.quote(long+session), "what is hidden first is cut then")
	require.Zero(t, testing.AllocsPerRun(100, func() { hidden.quote("/cart/items") }))
}
