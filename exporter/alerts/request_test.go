package alerts

import (
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

func TestOffersSurviveTheQueue(t *testing.T) {
	want := []sendRequest{
		{identity{Severity: "critical", Policy: "payments", Violation: "ended", Service: "a", Namespace: "b", Environment: "c"}, 1},
		{identity{Severity: "info", Violation: "rotated"}, 1 << 62},
	}
	data, err := new(plog.ProtoMarshaler).MarshalLogs(encodeRequests(want))
	require.NoError(t, err)
	got, err := new(plog.ProtoUnmarshaler).UnmarshalLogs(data)
	require.NoError(t, err)
	require.Equal(t, want, decodeRequests(got))

	// The queue may join several.
	encodeRequests(want[:1]).ResourceLogs().MoveAndAppendTo(got.ResourceLogs())
	require.Equal(t, append(want, want[0]), decodeRequests(got))
}
