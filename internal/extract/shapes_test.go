package extract

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestShapes: where the instrumentations and frameworks of the field have their ids,
// with the source to write for each.
func TestShapes(t *testing.T) {
	said := false
	for _, c := range []struct {
		name   string
		source Source
		record attrs
		want   string
	}{
		{
			"Java agent, Tomcat: capture-request-headers, JSESSIONID with the node's name",
			Source{Attribute: "http.request.header.cookie", Cookie: "JSESSIONID", Until: "."},
			attrs{"http.request.header.cookie": []any{"theme=dark; _ga_X1=GS1.1.170.0.1; JSESSIONID=5F2B8E0C9A7D4413.node1; consent=YmFzZQ=="}},
			"5F2B8E0C9A7D4413",
		},
		{
			"Spring Session: base64 of a UUID",
			Source{Attribute: "http.request.header.cookie", Cookie: "SESSION", Decode: "base64"},
			attrs{"http.request.header.cookie": []any{"SESSION=MGIwZTVhM2MtNmY3Yi00ZDUx"}},
			"0b0e5a3c-6f7b-4d51",
		},
		{
			"Node, express-session: s:ID.SIGNATURE",
			Source{Attribute: "http.request.header.cookie", Cookie: "connect.sid", StripPrefix: "s:", Until: ".", Presented: &said},
			attrs{"http.request.header.cookie": []any{"theme=dark; connect.sid=s%3AXk3v9q1ZyLr0pB7n.TDrjDwOmxKL8jRNT%2BjVg; consent=YmFzZQ=="}},
			"Xk3v9q1ZyLr0pB7n",
		},
		{
			"Python, Django",
			Source{Attribute: "http.request.header.cookie", Cookie: "sessionid"},
			attrs{"http.request.header.cookie": []any{"csrftoken=tok0; sessionid=q1w2e3r4t5y6u7i8"}},
			"q1w2e3r4t5y6u7i8",
		},
		{
			"Python: a header of its own, whose hyphens are underscores",
			Source{Attribute: "http.request.header.x-session-id"},
			attrs{"http.request.header.x_session_id": []any{"q1w2e3r4t5y6u7i8"}},
			"q1w2e3r4t5y6u7i8",
		},
		{
			"Ruby: a plain string",
			Source{Attribute: "http.request.header.cookie", Cookie: "_session_id"},
			attrs{"http.request.header.cookie": "a=b; _session_id=0123456789abcdef"},
			"0123456789abcdef",
		},
		{
			"access tokens with sid",
			Source{Attribute: "http.request.header.authorization", Claim: "sid"},
			attrs{"http.request.header.authorization": []any{"Bearer " + jwt(`{"exp":1795168800,"iss":"https://id.example/realms/shop","sub":"u-1001","sid":"7b1c9a52-6a3e"}`)}},
			"7b1c9a52-6a3e",
		},
		{
			"HTTP/2: the header in parts",
			Source{Attribute: "http.request.header.cookie", Cookie: "JSESSIONID", Until: "."},
			attrs{"http.request.header.cookie": []any{"theme=dark", "JSESSIONID=5F2B8E0C9A7D4413.node1"}},
			"5F2B8E0C9A7D4413",
		},
		{
			"Servlets without cookies",
			Source{Attribute: "url.path", PathParameter: "jsessionid", Until: "!"},
			attrs{"url.path": "/shop/cart;jsessionid=5F2B8E0C9A7D4413!node1/items"},
			"5F2B8E0C9A7D4413",
		},
	} {
		x := sourced(t, Source{Attribute: "session.id"}, c.source)
		f := spanFact(t, x, c.record.with(attrs{"http.response.status_code": 200}))
		require.Equal(t, sessionName(x, c.want), f.Session, c.name)
		require.Equal(t, c.source.IsPresented(), f.Flags.Has(fact.Presented), c.name)
		require.Equal(t, []Seen{{RequestWithoutID: 1}}, ofTraces(x, oneSpan(t, attrs{"http.request.header.cookie": "theme=dark"})).Seen, c.name)
	}
}
