package sessiontimeout

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// canaryToken is a token of a session and a user.
func canaryToken(sid, sub string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"RS256"}`)) + "." + encode([]byte(`{"jti":"canary-jti","sid":"`+sid+`","sub":"`+sub+`"}`)) + "." + encode([]byte("canary-signature"))
}

// TestNothingOfAHeaderLeaves: ids that are picked from cookies and tokens, those
// headers, and what cannot be picked from them are in nothing that we originate or
// store, in no spelling.
func TestNothingOfAHeaderLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cookie, authorization = "http.request.header.cookie", "http.request.header.authorization"
		m, ctx := newMemory(nil), context.Background()
		r := newRig(t, acknowledged, func(c *Config) {
			c.SessionID.Sources = extract.Sources{
				{Attribute: cookie, Cookie: "SID", StripPrefix: "s:", Until: "."},
				{Attribute: authorization, Claim: "sid"},
			}
			c.SessionID.Linked = extract.Sources{{Attribute: "oidc.sid"}}
			c.UserID.Sources = extract.Sources{{Attribute: "user.id"}, {Attribute: authorization, Claim: "sub"}}
			c.Policies[0].Evidence = "presented"
			c.Events.Ended = append(c.Events.Ended, extract.Event{Request: &extract.Rule{Routes: []string{"logout"}}})
		})
		traces, logs := r.traces(), r.logs()
		require.NoError(t, traces.Start(ctx, m.host()))
		require.NoError(t, logs.Start(ctx, m.host()))

		serve := func(route string, attributes map[string]string) {
			td := requestSpan("", time.Now())
			a := td.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes()
			a.Remove("session.id")
			a.Remove("user.id")
			a.PutStr("http.route", route)
			if attributes[cookie] != "" { // a record's own ids may stand anywhere in it
				a.PutStr("url.path", "/of/canary-cookie/CANARY-COOKIE/Y2FuYXJ5LWNvb2tpZQ/canary%2Duser/canary-larger")
			} else {
				a.PutStr("url.path", "/of/canary%2Dsid/CANARY-SID/canary-sub")
			}
			for name, value := range attributes {
				a.PutStr(name, value)
			}
			require.NoError(t, traces.ConsumeTraces(ctx, td))
		}
		round := func() {
			serve("/cart", map[string]string{cookie: "other=canary-other; SID=s%3Acanary-cookie.canary-sig", "user.id": "canary-user", "oidc.sid": "canary-larger"})
			serve("/cart/canary-sid", map[string]string{authorization: "Bearer " + canaryToken("canary-sid", "canary-sub")})
		}
		round()
		for _, broken := range []map[string]string{
			{authorization: "Bearer " + canaryToken("canary-sid", "canary-sub") + ".canary-fourth"},
			{authorization: "Bearer eyJ.canary-broken!.x"},
			{cookie: "SID=canary-long" + strings.Repeat("x", 5000)},
			{cookie: strings.Repeat("canary-header; ", 5000)},
		} {
			serve("/cart", broken)
		}
		event := endRecord("", time.Now())
		record := event.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords().At(0)
		record.Attributes().Remove("session.id")
		record.Attributes().PutStr(cookie, "SID=canary-cookie")
		record.Body().SetStr("canary-body of canary-cookie")
		require.NoError(t, logs.ConsumeLogs(ctx, event))
		serve("/logout", map[string]string{authorization: "Bearer " + canaryToken("canary-sid", "canary-sub")})
		time.Sleep(20 * time.Minute)
		round()
		time.Sleep(90 * time.Minute)
		round()
		time.Sleep(10 * time.Minute)

		var rm metricdata.ResourceMetrics
		require.NoError(t, r.telemetry.Reader.Collect(ctx, &rm))
		shutdown(t, logs, traces)
		originated := map[string]string{"metrics": fmt.Sprintf("%+v", rm)}
		findings := r.findings()
		require.NotEmpty(t, findings, "nothing to search in")
		for _, f := range findings {
			only := plog.NewLogs()
			f.CopyTo(only.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords().AppendEmpty())
			text, err := (&plog.JSONMarshaler{}).MarshalLogs(only)
			require.NoError(t, err)
			originated["findings"] += string(text)
		}
		require.Contains(t, originated["findings"], `"ended"`)
		for _, e := range r.log.All() {
			text, err := json.Marshal(e.ContextMap())
			require.NoError(t, err)
			originated["log"] += e.Message + string(text)
		}
		for _, ops := range m.writes {
			for _, op := range ops {
				originated["storage"] += op.Key + string(op.Value)
			}
		}
		require.Contains(t, originated["storage"], "/cart", "nothing to search in")
		for where, text := range originated {
			for _, secret := range []string{
				"canary", "CANARY", base64.RawStdEncoding.EncodeToString([]byte("canary-cookie")),
				canaryToken("canary-sid", "canary-sub")[20:60], base64.RawURLEncoding.EncodeToString([]byte("canary-signature"))[:16],
			} {
				require.NotContains(t, text, secret, where)
			}
		}
	})
}
