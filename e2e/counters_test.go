package e2e

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// violationLabels are the labels of the violations counter.
func violationLabels(policy, service, kind string) string {
	return labelsOf(map[string]string{"processor": "session_timeout", "policy": policy, "service_name": service, "type": kind})
}

// requestLabels are the labels of the requests counter.
func requestLabels(policy, service, verdict string) string {
	return labelsOf(map[string]string{"processor": "session_timeout", "policy": policy, "service_name": service, "verdict": verdict})
}

// wantCounters is what the counters have to show where the collector has found
// and let pass what it has. The driver does not know how often a request was
// refused too early, so refusals are for the caller to look at.
func wantCounters(findings []finding, spans map[spanID]span, policy func(user string) string) (violations, requests map[string]int, undecided int) {
	violations, requests = map[string]int{}, map[string]int{}
	for _, s := range spans {
		switch {
		case !s.request():
		case s.served():
			requests[requestLabels(policy(s.text("user.id")), s.service, "in_time")]++
		default:
			undecided++
		}
	}
	for _, f := range latest(findings) {
		n := f.number("requests")
		violations[violationLabels(f.text("policy"), f.service(), f.text("type"))] += n
		requests[requestLabels(f.text("policy"), f.service(), "violation")] += n
		requests[requestLabels(f.text("policy"), f.service(), "in_time")] -= n
	}
	return violations, requests, undecided
}

// waitForCounters waits until Prometheus shows everything as decided that the
// collector has let pass. Nothing is pending then, so that what has been found
// is all that will be found.
func waitForCounters(t *testing.T, p *prometheus, c *collector, policy func(user string) string) {
	t.Helper()
	eventually(t, patience, func() error {
		// The collector has it first, then Prometheus.
		wantViolations, wantRequests, wantOthers := wantCounters(c.findings(), c.spans(), policy)
		violations, err := p.counters("processor_session_timeout_violations")
		if err != nil {
			return err
		}
		if !maps.Equal(wantViolations, violations) {
			return fmt.Errorf("violations: want %v, got %v", wantViolations, violations)
		}
		requests, err := p.counters("processor_session_timeout_requests")
		if err != nil {
			return err
		}
		others := 0
		for labels, n := range requests {
			if !strings.Contains(labels, `"in_time"`) && !strings.Contains(labels, `"violation"`) {
				others += n
				delete(requests, labels)
			}
		}
		if !maps.Equal(wantRequests, requests) || others != wantOthers {
			return fmt.Errorf("requests: want %v and %d others, got %v and %d", wantRequests, wantOthers, requests, others)
		}
		return nil
	})
}

// contractMetrics are the metrics of the contract and their labels. A name with
// a bar ends in _bucket, _count and _sum.
var contractMetrics = map[string]string{
	"requests":                   "policy processor service_name verdict",
	"violations":                 "policy processor service_name type",
	"overrun|":                   "policy processor type",
	"findings":                   "processor state",
	"findings_pending":           "processor",
	"findings_undelivered":       "processor",
	"sessions":                   "processor",
	"sessions_limit":             "processor",
	"sessions_evicted":           "processor reason",
	"session_lifetime|":          "policy processor",
	"end_propagation|":           "processor service_name",
	"effective_idle_timeout":     "bound policy processor service_name",
	"effective_absolute_timeout": "bound policy processor service_name",
	"policy_limit":               "limit policy processor",
	"policy_info":                "hash processor",
	"records":                    "processor seen service_name",
	"facts":                      "kind processor",
	"facts_late":                 "processor service_name",
	"facts_refused":              "processor reason service_name",
}

// requireMetrics: Prometheus has every metric of the contract, with its labels
// and no others.
func requireMetrics(t *testing.T, p *prometheus) {
	t.Helper()
	for name, labels := range contractMetrics {
		expression := metric("processor_session_timeout_" + name)
		if histogram, is := strings.CutSuffix(name, "|"); is {
			expression = fmt.Sprintf(`{__name__=~"otelcol_processor_session_timeout_%s(_seconds)?_(bucket|count|sum)"}`, histogram)
		}
		found, err := p.query(expression)
		require.NoError(t, err)
		require.NotEmpty(t, found, expression)
		for _, s := range found {
			own := ownLabels(s.labels)
			require.Equal(t, labels, strings.Join(slices.Sorted(maps.Keys(own)), " "), name)
		}
	}
}

// requireCounter looks at one metric that has a single series.
func requireCounter(t *testing.T, p *prometheus, name string, labels map[string]string, want int) {
	t.Helper()
	labels = maps.Clone(labels)
	if labels == nil {
		labels = map[string]string{}
	}
	labels["processor"] = "session_timeout"
	got, err := p.counters("processor_session_timeout_" + name)
	require.NoError(t, err)
	require.Equal(t, want, got[labelsOf(labels)], "%s%v", name, labels)
}

// requireIdleBounds: the silences that a service lets pass tell of its faults.
func requireIdleBounds(t *testing.T, p *prometheus, l limits) {
	t.Helper()
	bound := func(service, bound string) float64 {
		found, err := p.query(fmt.Sprintf(`{__name__=~"otelcol_processor_session_timeout_effective_idle_timeout(_seconds)?",policy="default",service_name=%q,bound=%q}`,
			service, bound))
		require.NoError(t, err)
		require.Len(t, found, 1, "%s of the %s", bound, service)
		return found[0].value
	}
	idle := l.Idle.Seconds()
	require.Greater(t, bound("ledger", "served_max"), idle+l.Tolerance.Seconds(), "some ledgers serve what was idle for too long")
	require.Less(t, bound("storefront", "served_max"), idle)
	require.Greater(t, bound("storefront", "rejected_min"), idle)
}

// requireAbsoluteBounds: the ages that a service lets pass do, too.
func requireAbsoluteBounds(t *testing.T, p *prometheus, l limits) {
	t.Helper()
	bounds := func(service, bound string) []series {
		found, err := p.query(fmt.Sprintf(`{__name__=~"otelcol_processor_session_timeout_effective_absolute_timeout(_seconds)?",policy="default",service_name=%q,bound=%q}`,
			service, bound))
		require.NoError(t, err)
		return found
	}
	require.Greater(t, bounds("ledger", "served_max")[0].value, l.Absolute.Seconds()+l.Tolerance.Seconds(), "some ledgers serve what is too old")
	require.Less(t, bounds("storefront", "served_max")[0].value, l.Absolute.Seconds())
	for _, b := range bounds("storefront", "rejected_min") { // none where no refusal can only be due to age
		require.Greater(t, b.value, l.Absolute.Seconds())
	}
}
