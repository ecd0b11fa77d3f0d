package main

import (
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/consumer/consumertest"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/processor/processortest"

	"github.com/otelcol-session/otelcol-session/internal/extract"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

var redactionKey = strings.Repeat("k", 32)

// newExtractor has the key that redact has.
func newExtractor(t *testing.T, change ...func(*extract.Config)) *extract.Extractor {
	t.Helper()
	cfg := extract.DefaultConfig()
	cfg.SessionID.HashKey = []byte(redactionKey)
	cfg.Policies = []extract.PolicyMatch{{}}
	for _, c := range change {
		c(&cfg)
	}
	x, err := extract.New(cfg)
	require.NoError(t, err)
	return x
}

func alreadyHashed(c *extract.Config) { c.SessionID.AlreadyHashed = true }

// served is a SERVER span of a request that was, with these attributes.
func served(t *testing.T, attributes map[string]any) ptrace.Traces {
	t.Helper()
	td := ptrace.NewTraces()
	span := td.ResourceSpans().AppendEmpty().ScopeSpans().AppendEmpty().Spans().AppendEmpty()
	span.SetKind(ptrace.SpanKindServer)
	span.SetTraceID(pcommon.TraceID{1, 2, 3})
	span.SetSpanID(pcommon.SpanID{4, 5})
	end := time.Date(2026, 3, 29, 1, 0, 0, 0, time.UTC)
	span.SetStartTimestamp(pcommon.NewTimestampFromTime(end.Add(-time.Second)))
	span.SetEndTimestamp(pcommon.NewTimestampFromTime(end))
	require.NoError(t, span.Attributes().FromRaw(attributes))
	span.Attributes().PutInt("http.response.status_code", 200)
	return td
}

// redact passes td through the redaction processor, and returns the only span and td.
func redact(t *testing.T, td ptrace.Traces) (ptrace.Span, ptrace.Traces) {
	t.Helper()
	factory := redactionprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig()
	require.NoError(t, confmap.NewFromStringMap(map[string]any{
		"allow_all_keys":       true,
		"blocked_key_patterns": []any{`^session\.id$`, `^user\.id$`, `^http\.request\.header\..*`},
		"hash_function":        "hmac-sha256",
		"hmac_key":             redactionKey,
	}).Unmarshal(cfg))
	require.NoError(t, cfg.(interface{ Validate() error }).Validate())
	sink := &consumertest.TracesSink{}
	p, err := factory.CreateTraces(t.Context(), processortest.NewNopSettings(component.MustNewType("redaction")), cfg, sink)
	require.NoError(t, err)
	require.NoError(t, p.ConsumeTraces(t.Context(), td))
	redacted := sink.AllTraces()[0]
	return redacted.ResourceSpans().At(0).ScopeSpans().At(0).Spans().At(0), redacted
}

// extracted is what x takes from td.
func extracted(x *extract.Extractor, td ptrace.Traces) *extract.Batch {
	b := &extract.Batch{}
	x.Traces(td, b)
	return b
}

// TestPseudonymIsWhatRedactionWrites holds both ways to use the two together:
// with this extraction before redaction, a finding shows what the telemetry
// shows in the backend; and behind it, the same finding.
func TestPseudonymIsWhatRedactionWrites(t *testing.T) {
	raw, hashed := newExtractor(t), newExtractor(t, alreadyHashed)
	for _, id := range []string{
		"s1", "0b0e5a3c-6f7b-4d51-9f0e-000000000001", "s%3Aabc.def+/=", "sitzung-größe", strings.Repeat("x", 4096), strings.Repeat("a", 64),
	} {
		span, redacted := redact(t, served(t, map[string]any{"session.id": id, "user.id": id}))
		shown, ok := span.Attributes().Get("session.id")
		require.True(t, ok)
		require.NotEqual(t, id, shown.Str())

		want := raw.Pseudonym(id)
		require.Equal(t, shown.Str(), hex.EncodeToString(want[:]))
		b := extracted(hashed, redacted)
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
	x := newExtractor(t, alreadyHashed, func(c *extract.Config) { c.SessionID.Sources = extract.Sources{{Attribute: header}} })
	var values []string
	for _, value := range []any{[]any{"s1"}, []any{"s2"}, 42} {
		span, redacted := redact(t, served(t, map[string]any{header: value}))
		v, ok := span.Attributes().Get(header)
		require.True(t, ok)
		values = append(values, v.Str())
		b := extracted(x, redacted)
		require.Empty(t, b.Facts)
		require.Equal(t, 1, b.Refused[0][extract.SessionIDPlaceholder])
	}
	require.Equal(t, values[0], values[1], "if redaction tells them apart one day, so may this")
	for _, word := range []string{"null", "undefined", "deleted", "0000"} {
		_, redacted := redact(t, served(t, map[string]any{"session.id": word}))
		y := newExtractor(t, alreadyHashed)
		require.Equal(t, 1, extracted(y, redacted).Refused[0][extract.SessionIDPlaceholder], word)
	}
}
