package extract

import (
	"strings"
	"testing"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// redact passes td through the real redaction processor.
func redact(t *testing.T, td ptrace.Traces) ptrace.Traces {
	t.Helper()
	factory := redactionprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"allow_all_keys":       true,
		"blocked_key_patterns": []any{`^session\.id$`, `^user\.id$`, `^http\.request\.header\..*`},
		"hash_function":        "hmac-sha256",
		"hmac_key":             string(testKey),
	}).Unmarshal(cfg))
	require.NoError(t, cfg.(interface{ Validate() error }).Validate())
	sink := &consumertest.TracesSink{}
	p, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(component.MustNewType("redaction")), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.ConsumeTraces(t.Context(), td))
	return sink.AllTraces()[0]
}

// TestPseudonymIsWhatRedactionWrites holds both ways to use the two together:
// with this extraction before redaction, a finding shows what the telemetry
// shows in the backend; and behind it, the same finding.
func TestPseudonymIsWhatRedactionWrites(t *testing.T) {
	raw, hashed := newExtractor(t), newExtractor(t, alreadyHashed)
	for _, id := range []string{
		"s1", "0b0e5a3c-6f7b-4d51-9f0e-000000000001", "s%3Aabc.def+/=", "sitzung-größe", strings.Repeat("x", 4096), strings.Repeat("a", 64),
	} {
		redacted := redact(t, oneSpan(t, served.with(attrs{"session.id": id, "user.id": id})))
		span := redacted.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0)
		shown, ok := span.Attributes().Get("session.id")
		require.True(t, ok)
		require.NotEqual(t, id, shown.Str())

		want := raw.Pseudonym(id)
		require.Equal(t, shown.Str(), pseudonymText(want))
		b := ofTraces(hashed, redacted)
		require.Len(t, b.Facts, 1)
		for _, n := range []fact.Name{b.Facts[0].Session, b.Facts[0].User} {
			require.Equal(t, want, hashed.Pseudonym(n.Raw))
		}
	}
}

// TestRedactedNothingIsNoSession: what redaction makes of a value that is no
// string, a captured header above all, is the same for everybody.
func TestRedactedNothingIsNoSession(t *testing.T) {
	const header = "http.request.header.x-session"
	x := newExtractor(t, alreadyHashed, func(c *Config) { c.SessionID.Attributes = []string{header} })
	var values []string
	for _, value := range []any{[]any{"s1"}, []any{"s2"}, 42} {
		redacted := redact(t, oneSpan(t, attrs{header: value, "http.response.status_code": 200}))
		v, ok := redacted.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0).Attributes().Get(header)
		require.True(t, ok)
		values = append(values, v.Str())
		b := ofTraces(x, redacted)
		require.Empty(t, b.Facts)
		require.Equal(t, 1, b.Refused[SessionIDPlaceholder])
	}
	require.Equal(t, values[0], values[1], "if redaction tells them apart one day, so may this")
	for _, word := range []string{"null", "undefined", "deleted", "0000"} {
		redacted := redact(t, oneSpan(t, served.with(attrs{"session.id": word})))
		y := newExtractor(t, alreadyHashed)
		require.Equal(t, 1, ofTraces(y, redacted).Refused[SessionIDPlaceholder], word)
	}
}
