package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

// fault is what an alert is about: the labels that it fires with, and what each command of
// its runbook prints then.
type fault struct {
	labels string
	prints []string // patterns; after ! what it must not print
}

// night is what is wrong, all at once, in [TestRunbooks].
var night = map[string]fault{
	"SessionsServedPastExpiry": {`service_name="ledger", policy="default", type="ended", violation="ended"`, []string{
		`service_name="ledger", type="ended"\} => [1-9]`,
		`(?s)service_name="ledger", verdict="violation"\} => [1-9].*service_name="storefront", verdict="rejected_after_expiry"\} => [1-9]|service_name="storefront", verdict="rejected_after_expiry"\} => [1-9].*service_name="ledger", verdict="violation"\} => [1-9]`,
		`policy="default", type="ended"\} => 1\.`,
	}},
	"SessionEnforcementBudgetBurnsFast": {`policy="default"`, []string{
		`policy="default", service_name="ledger"\} => (1|0\.\d+) `, `service_name="ledger", type="\w+"\} => [1-9]`, `policy="default"\} => 0\.\d+`,
	}},
	"SessionEnforcementBudgetBurnsSlowly": {`policy="default"`, []string{
		`policy="default", service_name="ledger"\} => (1|0\.\d+) `, `service_name="ledger", type="\w+"\} => [1-9]`, `policy="default"\} => 0\.\d+`,
	}},
	"SessionLogoutNotPropagated": {`service_name="ledger"`, []string{
		`(?s)quantile="0.5", service_name="ledger"\} => [12]\b.*quantile="1", service_name="ledger"\} => 120 `, `service_name="ledger", type="ended"\} => [1-9]`, `service_name="ledger"\} => [1-9]`,
	}},
	"SessionIdleLimitTooLong": {`policy="default", service_name="ledger"`, []string{
		`bound="served_max", policy="default", processor="session_timeout/shop", service_name="ledger"\} => [5-9]\.`, `limit="idle_timeout", policy="default", processor="session_timeout/shop"\} => 4 `, `service_name="ledger"\} => [1-9]`,
	}},
	"SessionIdleLimitTooShort": {`processor="session_timeout/short", service_name="storefront"`, []string{
		`processor="session_timeout/short", service_name="storefront"\} => [4-9]\.`, `policy="default", processor="session_timeout/short"\} => 60 `, `service_name="storefront"\} => [1-9]`,
	}},
	"SessionPolicyDiffers": {`processor="session_timeout/small"`, []string{
		`^(\{hash="\w+", instance="[\d.:]+", processor="session_timeout/small"\} => 1 \S+\s*){2}$`, `(?s)(limit="idle_timeout", policy="default", processor="session_timeout/small"\} => 60 .*){2}`,
	}},
	"SessionTelemetryMissing": {``, []string{`instance="[\d.:]+", job="collector"\} => 1 `, `kind="request"\} => 0 `, `^$`}},
	"SessionServiceWentSilent": {`service_name="night-shop"`, []string{
		`!night-shop`, `!night-shop`, `service_name="night-shop"\} => 1 `,
	}},
	"SessionCoverageLow": {`service_name="public"`, []string{
		`service_name="public"\} => 0 `, `seen="request_without_id", service_name="public"\} => [1-9]`, `reason="session_id_placeholder", service_name="public"\} => [1-9]`,
	}},
	"SessionCollectorBlind": {`processor="session_timeout/crashed", reason="crash"`, []string{
		`processor="session_timeout/crashed", reason="crash"\} => [6-9]\d`, `processor="session_timeout/crashed"\} => \d`, `processor="session_timeout/crashed", result="stored"\} => \d`,
	}},
	"SessionEvidenceRefused": {`processor="session_timeout/evidence", reason="ahead"`, []string{
		`processor="session_timeout/evidence", reason="ahead", service_name="clock"\} => 20 `, `kind="request", processor="session_timeout/shop"\} => [1-9]`, `seen="request_without_id", service_name="public"\} => \d`,
	}},
	"SessionEvidenceLate": {`processor="session_timeout/evidence"`, []string{
		`processor="session_timeout/evidence", service_name="slow"\} => 20 `, `kind="request", processor="session_timeout/shop"\} => [1-9]`, `processor="session_timeout/evidence"\} => 0 `,
	}},
	"SessionVerdictsInconclusive": {`processor="session_timeout/evidence"`, []string{
		`processor="session_timeout/evidence", state="inconclusive"\} => [1-9]`, `processor="session_timeout/crashed", reason="crash"\} => [1-9]`, `^$`,
	}},
	"SessionFindingsUndelivered": {`processor="session_timeout/small"`, []string{
		`processor="session_timeout/small"\} => [1-9]`, `processor="session_timeout/small"\} => 0 `, `exporter="alerts"\} => \d`,
	}},
	"SessionAlertsNotDelivered": {`exporter="alerts"`, []string{
		`endpoint="[\d.:]+", result="failed"\} => 0\.\d`, `exporter="alerts"\} => 1 `, `reason="limit"\} => \d`,
	}},
	"SessionAlertsDropped": {`exporter="alerts", reason="limit"`, []string{
		`exporter="alerts", reason="limit"\} => [1-9]`, `exporter="alerts"\} => 1 `, `result="failed"\} => 0\.\d`,
	}},
	"SessionStateNotStored": {`processor="session_timeout/stored"`, []string{
		`processor="session_timeout/stored", result="failed"\} => [1-9]`, `processor="session_timeout/stored"\} => \d`, `^$`,
	}},
	"SessionsEvicted": {`processor="session_timeout/small"`, []string{
		`processor="session_timeout/small"\} => 1 `, `processor="session_timeout/small", reason="max_sessions"\} => [1-9]`, `kind="request", processor="session_timeout/small"\} => 0\.\d`,
	}},
	"SessionTableNearlyFull": {`processor="session_timeout/small"`, []string{
		`processor="session_timeout/small"\} => 1 `, `processor="session_timeout/small", reason="max_sessions"\} => [1-9]`, `processor="session_timeout/small"\} => 0\.\d`,
	}},
	"SessionWatchdog": {``, []string{`alertname="SessionWatchdog"`, `job="collector"\} => 1 `}},
}

// TestRunbooks: everything goes wrong that there is an alert of. Each fires in a real
// Prometheus, by the rule as it is but for how long it waits, and each command of its
// runbook, as it is written, prints what the page says.
func TestRunbooks(t *testing.T) {
	if os.Getenv("SESSION_RUNBOOKS") == "" {
		t.Skip("make check tries each runbook with its own fault on")
	}
	nobody := freeAddress(t)
	shops := startWatch(t, watchSettings{processor: "session_timeout/shop", wait: "5s", policies: "{name: slow, match: {user.id: [slow-*]}, idle_timeout: 2m, absolute_timeout: 5m, end_grace: 61s, rotation_grace: 61s, tolerance: 100ms}, " +
		"{name: default, " + atTempo(1).yaml() + "}", more: "passive: [{routes: [/notifications]}]"})
	short := startWatch(t, watchSettings{processor: "session_timeout/short", policies: "{name: default, idle_timeout: 1m, absolute_timeout: 10m}"})
	evidence := startWatch(t, watchSettings{processor: "session_timeout/evidence", suffixes: true, policies: "{name: sampled, match: {service.name: [sampled]}, idle_timeout: 1m, coverage: sampled}, {name: rest, idle_timeout: 1h}",
		alerts: fmt.Sprintf("endpoint: 'http://%s', max_alerts: 1, resend_interval: 1s, retry_on_failure: {initial_interval: 500ms, max_interval: 1s}", nobody)})
	small := startWatch(t, watchSettings{processor: "session_timeout/small", policies: "{name: default, idle_timeout: 1m}", more: "max_sessions: 20", noLogs: true})
	other := startWatch(t, watchSettings{processor: "session_timeout/small", policies: "{name: default, idle_timeout: 1m, absolute_timeout: 1h}", suffixes: true})
	stored := startWatch(t, watchSettings{processor: "session_timeout/stored", policies: "{name: rest, idle_timeout: 1h}", storage: ", max_size: 65536", more: "checkpoint_interval: 1s"})
	crashed := startWatch(t, watchSettings{processor: "session_timeout/crashed", policies: "{name: rest, idle_timeout: 1h}", storage: ", timeout: 1s", more: "checkpoint_interval: 2m"})
	quiet := startWatch(t, watchSettings{processor: "session_timeout/quiet", policies: "{name: rest, idle_timeout: 1h}"})

	soon := func(rules string) string {
		return regexp.MustCompile(`(?m)^        for: \w+$`).ReplaceAllString(rules, "        for: 1s")
	}
	p := newPrometheus(t, soon, shops.metrics, short.metrics, evidence.metrics, small.metrics, other.metrics, stored.metrics, crashed.metrics)
	output, err := exec.CommandContext(t.Context(), peer(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics", yesterday(t, "night-shop"), filepath.Join(p.dir, "data")).CombinedOutput()
	require.NoError(t, err, "%s", output)
	p.start()
	alone := newPrometheus(t, soon, quiet.metrics)
	alone.start()
	deaf := newPrometheus(t, func(string) string { return "" }, quiet.metrics)
	deaf.start()
	began := time.Now()

	var visits sync.WaitGroup
	defer visits.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	visitors := func(w *watch, l limits, s scenario) {
		visits.Go(func() {
			if _, err := visit(ctx, &collector{url: "http://" + w.otlp, limits: l}, s); err != nil && ctx.Err() == nil && !errors.Is(err, driver.ErrSlipped) {
				t.Error(err)
			}
		})
	}
	visitors(shops, atTempo(1), scenario{name: "all", faults: shop.Faults, users: 3})
	long := limits{driver.Limits{Idle: 2 * time.Minute, Absolute: 5 * time.Minute, EndGrace: 61 * time.Second, Tolerance: 100 * time.Millisecond}, time.Second}
	visitors(shops, long, scenario{name: "slow", faults: []shop.Fault{shop.IgnoreLogout}, stories: []string{"leaver"}, users: 2})
	visitors(short, atTempo(1), scenario{name: "short", stories: []string{"idler"}, users: 2})

	for _, w := range []*watch{evidence, small, crashed} {
		w.visit("web", 0, "somebody")
	}
	evidence.visit("public", 0, "-")
	stored.visit("many", 0, names("many", 3000)...)
	eventually(t, patience, func() error { // it has scraped what there was before
		found, err := p.query(`count_over_time({__name__=~"otelcol_processor_session_timeout_records(_total)?", service_name=~"public|web"}[1m]) > 1`)
		if err == nil && len(found) < 4 {
			err = errors.New("not scraped twice")
		}
		return err
	})
	evidence.visit("public", 0, strings.Fields(strings.Repeat("- ", 5000))...)
	evidence.visit("clock", -time.Hour, names("ahead", 20)...)
	evidence.visit("slow", 0, "late")
	for i := range 20 {
		evidence.visit("slow", 20*time.Minute+time.Duration(i)*time.Second, "late")
	}
	evidence.visit("sampled", 10*time.Minute, names("sampled", 6)...)
	evidence.visit("sampled", 0, names("sampled", 6)...)
	for _, service := range []string{"pay", "cart"} {
		evidence.visit(service, 10*time.Minute, service)
		evidence.end(5*time.Minute, service)
		evidence.visit(service, 0, service)
	}
	small.visit("web", 10*time.Minute, "idle")
	small.visit("web", 0, "idle")
	time.Sleep(5 * time.Second) // until it is found
	small.visit("web", 0, names("invented", 60)...)

	tried := map[string]bool{}
	try := func(p *prometheus, alert string) {
		t.Helper()
		tried[alert] = true
		tryRunbook(t, p, alert, began)
	}
	try(alone, "SessionTelemetryMissing")
	try(p, "SessionWatchdog")
	said, err := deaf.runCommand(runbooks(t)["SessionWatchdog"][0])
	require.NoError(t, err)
	require.Empty(t, said, "who evaluates no rules")
	time.Sleep(time.Until(began.Add(65 * time.Second)))
	require.Contains(t, string(small.process.said()), "Findings have no way out", "as the page says")
	require.Contains(t, string(stored.process.said()), "does not take the checkpoint")
	crashed.process.kill()
	crashed.start()
	crashed.visit("web", 0, "somebody")
	for alert := range night {
		if !tried[alert] {
			try(p, alert)
		}
	}
	for alert := range runbooks(t) {
		require.True(t, tried[alert], alert)
	}
	cancel()
	for _, w := range []*watch{shops, short, evidence, small, other, stored, crashed} {
		w.process.kill()
	}
	eventually(t, patience, func() error { return p.fires("SessionTelemetryMissing", "") })
}

// fires reports that an alert does not, or has not.
func (p *prometheus) fires(alert, labels string) error {
	found, _, err := p.ask(fmt.Sprintf(`ALERTS{alertname=%q, alertstate="firing", %s}[10m]`, alert, labels))
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s{%s} does not fire", alert, labels)
	}
	return err
}

// tryRunbook waits for an alert and does what its runbook says.
func tryRunbook(t *testing.T, p *prometheus, alert string, began time.Time) {
	t.Helper()
	f := night[alert]
	if err := within(time.Until(began.Add(patience)), func() error { return p.fires(alert, f.labels) }); err != nil {
		t.Error(err)
		return
	}
	t.Logf("%s{%s} after %v", alert, f.labels, time.Since(began).Round(time.Second))
	commands := runbooks(t)[alert]
	require.Len(t, commands, len(f.prints), alert)
	for i, command := range commands {
		pattern, never := strings.CutPrefix(f.prints[i], "!")
		err := within(patience/8, func() error {
			said, err := p.runCommand(command)
			require.NoError(t, err, said)
			if regexp.MustCompile(pattern).MatchString(said) == never {
				return fmt.Errorf("%s prints no %s\n$ %s\n%s", alert, f.prints[i], command, said)
			}
			t.Logf("$ %s\n%s", command, said)
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}
