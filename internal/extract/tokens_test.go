package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestHideTokens(t *testing.T) {
	const uuid, hex = "0b0e5a3c-6F7B-4d51-9f0e-000000000042", "0123456789abcdef"
	for path, want := range map[string]string{
		"":                                 "",
		"/cart/1023":                       "/cart/1023",
		"/rotate/" + uuid:                  "/rotate/_",
		"/rotate/" + uuid + "/x/" + hex:    "/rotate/_/x/_",
		uuid:                               "_",
		"/s/sess_" + hex + ".json":         "/s/_.json",
		"/" + hex[1:]:                      "/" + hex[1:],
		"/blog/2026-05-17-how-we-measured": "/blog/2026-05-17-how-we-measured",
		"/api/v1/deploymentconfigurations": "/api/v1/deploymentconfigurations",
		"/checkout-service-v2/items":       "/checkout-service-v2/items",
		"/orders/12345678901234567890":     "/orders/12345678901234567890",
		"/users/{userAccountIdentifier}":   "/users/{userAccountIdentifier}",
		"/é" + strings.Repeat("é", 20):     "/é" + strings.Repeat("é", 20),
		"/a%2F" + uuid + "%2Fx":            "/a%2F_%2Fx",
		"/x/" + uuid[:35]:                  "/x/" + uuid[:35],
	} {
		require.Equal(t, want, hideTokens(path), path)
	}
	allocs := testing.AllocsPerRun(100, func() { hideTokens("/blog/2026-05-17-how-we-measured/and-what-came-of-it") })
	require.True(t, allocs == 0 || raceEnabled)
}

// Wherever a token stands, it is found.
func TestTokensAreFound(t *testing.T) {
	token := rapid.OneOf(
		rapid.StringMatching(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`),
		rapid.StringMatching(`[a-z]{2}[0-9]{2}[A-Za-z0-9]{12,60}`),
	)
	text := rapid.StringMatching(`(/[a-z]{1,9}(-[a-z]{1,9}){0,3}){0,6}/`)
	rapid.Check(t, func(t *rapid.T) {
		before, between, after := text.Draw(t, "before"), text.Draw(t, "between"), text.Draw(t, "after")
		path := before + token.Draw(t, "token") + between + token.Draw(t, "another") + after
		if got := hideTokens(path); got != before+"_"+between+"_"+after {
			t.Fatalf("%q: %q", path, got)
		}
	})
}
