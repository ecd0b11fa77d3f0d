package alerts

import (
	"strings"
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

func TestCut(t *testing.T) {
	require.Equal(t, "abc", cut("abc", 3))
	require.Equal(t, "ab", cut("abc", 2))
	require.Equal(t, "a", cut("aä", 2), "no character is cut in two")
	require.Equal(t, "\uFFFD", cut("\xff\xfe", 3))
	require.Empty(t, cut("ä", 1))
	require.Len(t, labelValue(strings.Repeat("x", 1<<16)), maxLabelValue)
}
