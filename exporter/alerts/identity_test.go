package alerts

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdentityLabels(t *testing.T) {
	id := identity{Severity: "critical", Violation: "ended", Service: "checkout"}
	require.Equal(t, map[string]string{
		"alertname":    "SessionServedAfterExpiry",
		"severity":     "critical",
		"violation":    "ended",
		"service_name": "checkout",
		"team":         "identity",
	}, id.labels(map[string]string{"team": "identity"}))

	id = identity{Severity: "a", Policy: "b", Violation: "c", Service: "d", Namespace: "e", Environment: "f"}
	require.Equal(t, map[string]string{
		"alertname":                   "SessionServedAfterExpiry",
		"severity":                    "a",
		"policy":                      "b",
		"violation":                   "c",
		"service_name":                "d",
		"service_namespace":           "e",
		"deployment_environment_name": "f",
	}, id.labels(nil))
}
