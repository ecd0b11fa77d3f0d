package e2e

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/plog"
)

// noise is how late something may come on a machine that has much else to do.
const noise = 10 * time.Second

// alertLabels are the labels that the contract gives the alert for a finding.
func alertLabels(f finding) map[string]string {
	severity := map[plog.SeverityNumber]string{
		plog.SeverityNumberInfo: "info", plog.SeverityNumberWarn: "warning", plog.SeverityNumberError: "critical",
	}
	return map[string]string{
		"alertname": "SessionServedAfterExpiry", "severity": severity[f.SeverityNumber()],
		"policy": f.text("policy"), "violation": f.text("type"),
		"service_name": "ledger", "service_namespace": "shop", "deployment_environment_name": "demo",
	}
}

// wantAlert is what findings of one identity have to bring about.
type wantAlert struct {
	startsAt time.Time // of the first violation
	starts   map[time.Time]bool
	last     time.Time // when the last one left
	sessions map[string]bool
	requests int
}

// wantAlerts are the alerts that findings have to bring about, by labels.
// Background work that is only observed brings about none.
func wantAlerts(t *testing.T, findings []finding) map[string]*wantAlert {
	t.Helper()
	alerts := map[string]*wantAlert{}
	for _, f := range findings {
		if f.background() {
			continue
		}
		labels := labelsOf(alertLabels(f))
		a := alerts[labels]
		if a == nil {
			a = &wantAlert{startsAt: f.time(t, "first_at"), starts: map[time.Time]bool{}, sessions: map[string]bool{}}
			alerts[labels] = a
		}
		first := f.time(t, "first_at")
		a.starts[first.Truncate(time.Millisecond)] = true
		if first.Before(a.startsAt) {
			a.startsAt = first
		}
		a.last = f.ObservedTimestamp().AsTime()
	}
	for _, f := range latest(findings) {
		if !f.background() {
			a := alerts[labelsOf(alertLabels(f))]
			a.sessions[f.text("session")] = true
			a.requests += f.number("requests")
		}
	}
	return alerts
}

// requireAlerts holds what was seen of all alerts, from none to none, against
// what was found.
func requireAlerts(t *testing.T, lives map[string]life, findings []finding, resolveAfter time.Duration) {
	t.Helper()
	want := wantAlerts(t, findings)
	for labels := range lives {
		require.Contains(t, want, labels, "an alert that nothing was found for")
	}
	for labels, w := range want {
		require.Contains(t, lives, labels, "a finding without an alert")
		l := lives[labels]
		requireLease(t, labels, l, w)
		requireNumbers(t, l.last().alert, w)

		// It stays for resolve_after and is gone when the lease has run out.
		require.False(t, l.returned, labels)
		require.False(t, l.gone.Before(w.last.Add(resolveAfter)), "%s: gone at %v, last found at %v", labels, l.gone, w.last)
		require.False(t, l.gone.After(w.last.Add(resolveAfter+leaseFor+noise)), "%s: gone at %v, last found at %v", labels, l.gone, w.last)
	}
}

// requireStarts: the alert began with a violation that was found, from one look to
// the next with no later one, and in the end with the first.
func requireStarts(t *testing.T, labels string, l life, w *wantAlert) {
	t.Helper()
	before := l.sightings[0].StartsAt
	for _, s := range l.sightings {
		require.True(t, w.starts[s.StartsAt.UTC()], "%s: starts at %v", labels, s.StartsAt)
		require.False(t, s.StartsAt.After(before), "%s: starts at %v, and at %v before", labels, s.StartsAt, before)
		before = s.StartsAt
	}
	require.Equal(t, w.startsAt.Truncate(time.Millisecond), before.UTC(), labels)
}

// requireLease: at every look the alert had an end that lay ahead, by no more than
// a lease.
func requireLease(t *testing.T, labels string, l life, w *wantAlert) {
	t.Helper()
	requireStarts(t, labels, l, w)
	ends := map[time.Time]bool{}
	for _, s := range l.sightings {
		require.True(t, s.EndsAt.After(s.asked), "%s: ends at %v, seen at %v", labels, s.EndsAt, s.asked)
		require.False(t, s.EndsAt.After(s.answered.Add(leaseFor)), "%s: ends at %v, seen at %v", labels, s.EndsAt, s.answered)
		ends[s.EndsAt] = true
	}
	require.GreaterOrEqual(t, len(ends), 3, "%s: renewed each %v, but not from %v to %v",
		labels, resendInterval, l.sightings[0].asked, l.last().asked)
}

// requireNumbers: the annotations count what was found and name up to five
// of the sessions.
func requireNumbers(t *testing.T, a alert, w *wantAlert) {
	t.Helper()
	require.Equal(t, strconv.Itoa(len(w.sessions)), a.Annotations["sessions"], fmt.Sprint(a.Annotations))
	require.Equal(t, strconv.Itoa(w.requests), a.Annotations["requests"], fmt.Sprint(a.Annotations))
	pseudonyms := strings.FieldsFunc(a.Annotations["pseudonyms"], func(r rune) bool { return r == ',' || r == ' ' })
	require.Len(t, pseudonyms, min(5, len(w.sessions)))
	for _, p := range pseudonyms {
		require.True(t, w.sessions[p], p)
	}
}
