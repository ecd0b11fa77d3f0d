package extract

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestHide(t *testing.T) {
	const session, user = "0123456789abcdef", "42"
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
		require.Equal(t, want, hide(text, &[2]string{session, user}), text)
	}
	require.Equal(t, "/x", hide("/x", &[2]string{}))
	require.Zero(t, testing.AllocsPerRun(100, func() { hide("/cart/items", &[2]string{session, user}) }))
}
