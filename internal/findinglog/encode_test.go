package findinglog

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
	"pgregory.net/rapid"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// TestRoundTrip: what is written is read back, every field of it.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := records.Draw(t, "record")
		want.Details.User = "" // it is the finding's
		require.Equal(t, []Record{want}, decode(t, Encode([]Record{want})))
	})
}

// TestEncode: those of one service share a resource, and each record is called what a finding is called.
func TestEncode(t *testing.T) {
	a, b := example(), example()
	b.Resource.ServiceInstance = "checkout-7"
	ld := Encode([]Record{a, b, a})
	require.Equal(t, 2, ld.ResourceLogs().Len())
	require.Equal(t, []Record{a, a, b}, decode(t, ld))
	eachRecord(ld, func(_ plog.ResourceLogs, sl plog.ScopeLogs, record plog.LogRecord) {
		require.Equal(t, Scope, sl.Scope().Name())
		require.Equal(t, Event, record.EventName())
		require.Equal(t, "ERROR", record.SeverityText())
		require.Equal(t, "checkout served a request of session 010000000000 of user 020000000000 1.5s past its idle timeout of 30s (policy payments).", record.Body().Str())
	})
	require.Zero(t, Encode(nil).ResourceLogs().Len())
}

// TestEncodeCleans: what leaves is clean, and what was given is not touched.
func TestEncodeCleans(t *testing.T) {
	dirty := "a\xff\n" + strings.Repeat("x", fact.MaxText)
	r := example()
	for _, s := range r.texts() {
		*s = dirty
	}
	given, want := []Record{r}, r
	for _, s := range want.texts() {
		*s = fact.Clean(dirty)
	}
	ld := Encode(given)
	require.Equal(t, []Record{want}, decode(t, ld))
	require.Equal(t, []Record{r}, given)
	eachRecord(ld, func(_ plog.ResourceLogs, _ plog.ScopeLogs, record plog.LogRecord) {
		for name, v := range record.Attributes().All() {
			require.Equal(t, fact.Clean(v.AsString()), v.AsString(), name)
		}
		require.NotContains(t, record.Body().Str(), "\n")
	})
}

// texts are all that a record has.
func (r *Record) texts() []*string {
	quoted := r.Details.Texts()
	return append([]*string{
		&r.Reason, &r.EndedBy, &r.PolicyName,
		&r.Resource.ServiceName, &r.Resource.ServiceNamespace, &r.Resource.ServiceInstance, &r.Resource.Environment,
	}, quoted[:len(quoted)-1]...) // but for the user, who is the finding's
}
