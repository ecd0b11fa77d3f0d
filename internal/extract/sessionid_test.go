package extract

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// placed is a SERVER span whose record, scope and resource have attributes.
func placed(tb testing.TB, record, scope, resource attrs) ptrace.Traces {
	tb.Helper()
	td := oneSpan(tb, record)
	rs := td.ResourceSpans().At(0)
	scope.put(tb, rs.ScopeSpans().At(0).Scope().Attributes())
	resource.put(tb, rs.Resource().Attributes())
	return td
}

func TestSessionIDIsTheFirstThatIsPresent(t *testing.T) {
	x := newExtractor(t, func(c *Config) { c.SessionID.Sources = attributes("first", "second") })
	for _, c := range []struct {
		name                    string
		record, scope, resource attrs
		want                    string
	}{
		{"record", attrs{"first": "r1"}, attrs{"first": "s1"}, attrs{"first": "e1"}, "r1"},
		{"scope", attrs{}, attrs{"first": "s1"}, attrs{"first": "e1"}, "s1"},
		{"resource", attrs{}, attrs{}, attrs{"first": "e1"}, "e1"},
		{"order within a place", attrs{"second": "r2", "first": "r1"}, nil, nil, "r1"},
		{"the record's second before the scope's first", attrs{"second": "r2"}, attrs{"first": "s1"}, nil, "r2"},
		{"the scope's second before the resource's first", nil, attrs{"second": "s2"}, attrs{"first": "e1"}, "s2"},
		{"none", attrs{"third": "r3"}, nil, nil, ""},
		{"one that is none is not passed over", attrs{"first": "null", "second": "r2"}, attrs{"first": "s1"}, nil, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := ofTraces(x, placed(t, c.record, c.scope, c.resource))
			if c.want == "" {
				require.Empty(t, b.Facts)
				return
			}
			require.Len(t, b.Facts, 1)
			require.Equal(t, sessionName(x, c.want), b.Facts[0].Session)
		})
	}
}

func TestWhatIsNoSessionID(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		name  string
		value any
		want  Reason
	}{
		{"empty", "", SessionIDEmpty},
		{"empty header", []any{""}, SessionIDEmpty},
		{"null", "null", SessionIDPlaceholder},
		{"Null", "Null", SessionIDPlaceholder},
		{"undefined", "UNDEFINED", SessionIDPlaceholder},
		{"deleted", "deleted", SessionIDPlaceholder},
		{"zero", "0", SessionIDPlaceholder},
		{"zeros", strings.Repeat("0", 32), SessionIDPlaceholder},
		{"zero UUID", "00000000-0000-0000-0000-000000000000", SessionIDPlaceholder},
		{"placeholder in a header", []any{"null"}, SessionIDPlaceholder},
		{"zero as an int", 0, SessionIDPlaceholder},
		{"double", 4.2, SessionIDType},
		{"bool", true, SessionIDType},
		{"nothing", nil, SessionIDType},
		{"bytes", []byte("s1"), SessionIDType},
		{"map", map[string]any{"id": "s1"}, SessionIDType},
		{"no header", []any{}, SessionIDType},
		{"header of what are no ids", []any{[]any{"s1"}, true}, SessionIDType},
		{"header of nobody", []any{"-", ""}, SessionIDPlaceholder},
		{"hyphen", "-", SessionIDPlaceholder},
		{"none", "None", SessionIDPlaceholder},
		{"nil", "nil", SessionIDPlaceholder},
		{"(null)", "(NULL)", SessionIDPlaceholder},
		{"n/a", "N/A", SessionIDPlaceholder},
		{"unknown", "unknown", SessionIDPlaceholder},
		{"[REDACTED]", "[redacted]", SessionIDPlaceholder},
		{"redacted", "REDACTED", SessionIDPlaceholder},
		{"[Filtered]", "[FILTERED]", SessionIDPlaceholder},
		{"<redacted>", "<redacted>", SessionIDPlaceholder},
		{"asterisks", "********", SessionIDPlaceholder},
		{"4097 bytes", strings.Repeat("x", 4097), SessionIDSize},
		{"64 KiB", strings.Repeat("0", 64<<10), SessionIDSize},

		{"4096 bytes", strings.Repeat("x", 4096), usable},
		{"header", []any{"s1", "s2"}, usable},
		{"spaces", " ", usable},
		{"nullable", "nullable", usable},
		{"int", 42, usable},
		{"whole double", 42.0, usable},
		{"a list with an int", []any{42, "s1"}, usable},
		{"a list whose second is somebody", []any{"null", "s1"}, usable},
		{"nonentity", "nonentity", usable},
		{"asterisks and more", "**a", usable},
		{"a zero and more", "00000000-0000-0000-0000-000000000001", usable},
		{"hyphens", "---", usable},
		{"NUL", "\x00", usable},
		{"no UTF-8", "\xff\xfe", usable},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := ofTraces(x, oneSpan(t, served.with(attrs{"session.id": c.value})))
			if c.want == usable {
				require.Len(t, b.Facts, 1)
				require.False(t, b.Facts[0].Session.ID.IsZero())
				require.Zero(t, refusedIn(b))
				return
			}
			require.Empty(t, b.Facts)
			var want [ReasonCount]int
			want[c.want] = 1
			require.Equal(t, want, refusedIn(b))
		})
	}
	b := ofTraces(x, oneSpan(t, attrs{"http.response.status_code": 200}))
	require.Empty(t, b.Facts)
	require.Zero(t, refusedIn(b), "an absent id is no refusal")
}

func TestPresentedIDs(t *testing.T) {
	names := map[string]bool{
		"session.id": false, "app.session": false, "http.response.header.x-session": false,
		"http.request.header.x-session": true, "rpc.request.metadata.session": true,
		"rpc.grpc.request.metadata.session": true, "rpc.connect_rpc.request.metadata.session": true,
		"messaging.header.session": true,
	}
	for name, want := range names {
		x := newExtractor(t, func(c *Config) { c.SessionID.Sources = attributes(name) })
		f := spanFact(t, x, attrs{name: []any{"s1"}})
		require.Equal(t, want, f.Flags.Has(fact.Presented), name)
		require.Equal(t, "s1", f.Session.Raw)
	}
	x := newExtractor(t, func(c *Config) { c.SessionID.Sources = attributes("session.id", "http.request.header.x-session") })
	require.Zero(t, spanFact(t, x, served.with(attrs{"http.request.header.x-session": "s2"})).Flags, "the service's own word holds")
}

func TestUser(t *testing.T) {
	x := newExtractor(t)
	for _, c := range []struct {
		name string
		a    attrs
		want string
	}{
		{"none", attrs{}, ""},
		{"user.id", attrs{"user.id": "ann", "enduser.id": "bob"}, "ann"},
		{"enduser.id", attrs{"enduser.id": "bob"}, "bob"},
		{"placeholder", attrs{"user.id": "undefined"}, ""},
		{"a placeholder is not passed over", attrs{"user.id": "null", "enduser.id": "bob"}, ""},
		{"user.name", attrs{"user.name": "cyd"}, "cyd"},
		{"nobody", attrs{"user.id": "anonymousUser"}, ""},
		{"guest", attrs{"enduser.id": "Guest"}, ""},
		{"hyphen", attrs{"user.name": "-"}, ""},
		{"asterisks", attrs{"user.id": "***"}, ""},
		{"empty", attrs{"user.id": ""}, ""},
		{"number", attrs{"user.id": 42}, "42"},
		{"negative number", attrs{"user.id": -42}, "-42"},
		{"zero", attrs{"user.id": 0}, "0"},
		{"zeros", attrs{"user.id": "000"}, "000"},
		{"list", attrs{"user.id": []any{"", "ann"}}, "ann"},
		{"another type", attrs{"user.id": map[string]any{"a": "ann"}}, ""},
		{"longest", attrs{"user.id": strings.Repeat("x", 4096)}, strings.Repeat("x", 4096)},
		{"too long", attrs{"user.id": strings.Repeat("x", 4097)}, ""},
	} {
		f := spanFact(t, x, served.with(c.a))
		want := fact.Name{}
		if c.want != "" {
			want = userName(x, c.want)
		}
		require.Equal(t, want, f.User, c.name)
		require.False(t, f.Flags.Has(fact.UserPresented))
	}
	for i, td := range []ptrace.Traces{
		placed(t, served.with(attrs{"enduser.id": "ann"}), attrs{"user.id": "bob"}, nil),
		placed(t, served, attrs{"enduser.id": "ann"}, attrs{"user.id": "bob"}),
		placed(t, served, nil, attrs{"enduser.id": "ann"}),
	} {
		f := ofTraces(x, td).Facts[0]
		require.Equal(t, userName(x, "ann"), f.User, i)
		require.EqualValues(t, 1, f.UserSource)
	}
}
