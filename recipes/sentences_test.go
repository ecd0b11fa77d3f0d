package recipes

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/advice"
)

// sentence is one that was asked for, after telemetry of the field had been tried, and
// the shapes that it was asked for.
type sentence struct {
	codes  []advice.Code
	shapes []int
	gone   map[int]string // shapes of which it need not be said any more, and why
}

var sentences = map[int]sentence{
	1: {
		codes:  []advice.Code{advice.BodyJSON, advice.BodyText, advice.BodyMap},
		shapes: []int{14, 15, 18, 19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36},
		gone: map[int]string{
			30: "no recipe, since a logout would accuse wrongly", 34: "no recipe, since the id is the one before the login",
		},
	},
	2: {codes: []advice.Code{
		advice.SessionElsewhere, advice.HeaderSanitised, advice.CookieUnread, advice.TokenUnread, advice.AttributeUnread, advice.NoSession,
	}, shapes: []int{4}},
	3: {codes: []advice.Code{advice.IDPerRequest}, shapes: []int{1, 3, 4, 5, 8, 9, 11}},
	4: {
		codes: []advice.Code{advice.Unproven}, shapes: []int{2, 4, 5},
		gone: map[int]string{2: "user.name is among user_id::sources"},
	},
	5:  {codes: []advice.Code{advice.BrowserIDs}, shapes: []int{10}},
	6:  {codes: []advice.Code{advice.SharedID, advice.PlaceholderID}, shapes: []int{6, 16, 41, 47}},
	7:  {codes: []advice.Code{advice.SharedUser, advice.PlaceholderUser}, shapes: []int{42}},
	8:  {codes: []advice.Code{advice.Sampled, advice.ParentsMissing}, shapes: []int{38, 40}},
	9:  {codes: []advice.Code{advice.NoTime, advice.TimeIsStart}, shapes: []int{46, 17}},
	10: {codes: []advice.Code{advice.LoginJudged}, shapes: []int{45}},
	11: {codes: []advice.Code{advice.LogoutRequest}, shapes: []int{44}},
	12: {codes: []advice.Code{advice.EndsUnknown}, shapes: []int{48, 3, 9}},
	13: {codes: []advice.Code{advice.LoginsNone, advice.LoginsOften}, shapes: []int{24, 27}},
	14: {codes: []advice.Code{advice.EventUnmapped, advice.EventsBare}},
}

// anywhere are sentences that hold for whatever they are said of, whoever asked for
// them: that nothing names a session, that no login is known, that a name is not mapped.
var anywhere = []int{2, 13, 14}

// shapeOf is which shape the sample of a recipe has.
var shapeOf = map[string]int{
	"tomcat-spring": 1, "spring-session": 3, "express-session": 4, "django": 5, "aspnet-core": 7, "php": 8, "rails": 9, "oidc-access-tokens": 11,
	"nginx": 13, "ingress-nginx": 15, "envoy": 16, "istio": 18, "haproxy": 19, "apache": 20, "traefik": 21, "cloudflare": 23,
	"keycloak-text": 24, "keycloak-json": 25, "okta": 26, "auth0": 27, "entra": 28, "cognito": 29, "ocsf": 31, "owasp": 32, "caep": 33,
	"django-signals": 35, "devise": 36,
}

// impossible are the shapes that nothing mends but a change at their source: `ready` must
// say so of them.
var impossible = []int{6, 10, 14, 22, 37}

// TestImpossibleShapes: of what no configuration helps it is said what to change.
func TestImpossibleShapes(t *testing.T) {
	told := map[int]bool{}
	rows := shapes(t)
	for i := range rows {
		row := &rows[i]
		if row.Put == "" && row.Config == nil && len(row.Says) > 0 {
			name, _, _ := strings.Cut(row.Says[0], " ")
			code, ok := advice.ParseCode(name)
			require.True(t, ok, name)
			told[row.Shape] = code.Group() == advice.Nothing
			require.True(t, !told[row.Shape] || len(row.Finds) == 0 || !slices.Contains(impossible, row.Shape), "%s", row)
		}
	}
	for _, shape := range impossible {
		require.True(t, told[shape], "shape %d", shape)
	}
}

// TestSentencesOfShapes: each sentence is said of all shapes that it was asked for, and
// of others only where the table argues for it.
func TestSentencesOfShapes(t *testing.T) {
	said := map[int]map[int]bool{} // sentences of shapes
	note := func(shape int, code string) int {
		for n, s := range sentences {
			if slices.ContainsFunc(s.codes, func(c advice.Code) bool { return c.String() == code }) {
				if said[n] == nil {
					said[n] = map[int]bool{}
				}
				said[n][shape] = true
				return n
			}
		}
		require.Fail(t, "no sentence has this advice", code)
		return 0
	}
	rows := shapes(t)
	for i := range rows {
		row := &rows[i]
		argued := map[int]bool{}
		for _, text := range row.Says {
			code, _, _ := strings.Cut(text, " ")
			n := note(row.Shape, code)
			_, argues := row.Because[strconv.Itoa(n)]
			asked := slices.Contains(sentences[n].shapes, row.Shape)
			require.True(t, asked || argues || slices.Contains(anywhere, n), "%s: nobody asked for sentence %d, %s", row, n, text)
			argued[n] = !asked
		}
		for n := range row.Because {
			number, err := strconv.Atoi(n)
			require.NoError(t, err)
			require.True(t, argued[number], "%s: nothing to argue about %s", row, n)
		}
	}
	for _, r := range recipes(t) {
		for _, code := range r.want.Without {
			note(shapeOf[r.name], code)
		}
	}
	for n, s := range sentences {
		for _, shape := range s.shapes {
			require.NotEqual(t, s.gone[shape] != "", said[n][shape], "sentence %d of shape %d", n, shape)
		}
	}
}
