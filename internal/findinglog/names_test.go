package findinglog

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// TestNames: dashboards, alerts and checks outside of this repository are written against these.
func TestNames(t *testing.T) {
	require.Equal(t, "github.com/otelcol-session/otelcol-session/processor/sessiontimeout", Scope)
	require.Equal(t, "session_timeout.violation", Event)
	require.Equal(t, []string{
		"session_timeout.session",
		"session_timeout.user",
		"session_timeout.id",
		"session_timeout.revision",
		"session_timeout.type",
		"session_timeout.state",
		"session_timeout.reason",
		"session_timeout.overrun",
		"session_timeout.expired_at",
		"session_timeout.requests",
		"session_timeout.first_at",
		"session_timeout.last_at",
		"session_timeout.started_at",
		"session_timeout.start_known",
		"session_timeout.last_activity_at",
		"session_timeout.ended_by",
		"session_timeout.policy",
		"session_timeout.limit",
		"session_timeout.evidence",
		"session_timeout.background",
		"http.request.method",
		"http.route",
		"url.path",
		"http.response.status_code",
		"rpc.method",
		"messaging.destination.name",
	}, names(attributes))
	require.Equal(t, []string{
		"service.name",
		"service.namespace",
		"service.instance.id",
		"deployment.environment.name",
	}, names(resourceAttributes))
	require.LessOrEqual(t, len(attributes), 64, "one bit each while they are read")
}

func names(all []attribute) (names []string) {
	for _, a := range all {
		names = append(names, a.name)
	}
	return names
}
