package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
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

// watches are collectors, each with faults of its own.
type watches struct {
	shops, short, evidence, small, other, stored, crashed, quiet *watch

	nobody string // address of the Alertmanager that is not there
}

func startWatches(t *testing.T) *watches {
	t.Helper()
	const rest = "{name: rest, idle_timeout: 1h}"
	start := func(name string, s watchSettings) *watch {
		s.processor = "session_timeout/" + name
		return startWatch(t, s)
	}
	nobody := freeAddress(t)
	return &watches{
		nobody: nobody,
		shops: start("shop", watchSettings{
			wait: "5s", more: "passive: [{routes: [/notifications]}]",
			policies: "{name: slow, match: {user.id: [slow-*]}, " + slowly.yaml() + "}, {name: default, " + atTempo(1).yaml() + "}",
		}),
		short: start("short", watchSettings{policies: "{name: default, idle_timeout: 1m, absolute_timeout: 10m}"}),
		evidence: start("evidence", watchSettings{
			suffixes: true, policies: "{name: sampled, match: {service.name: [sampled]}, idle_timeout: 1m, coverage: sampled}, " + rest,
			// One alert is all that it may hold.
			alerts: fmt.Sprintf("endpoint: 'http://%s', max_alerts: 1, resend_interval: 1s, retry_on_failure: {initial_interval: 500ms, max_interval: 1s}", nobody),
		}),
		small:   start("small", watchSettings{policies: "{name: default, idle_timeout: 1m}", more: "max_sessions: 20", noLogs: true}),
		other:   start("small", watchSettings{policies: "{name: default, idle_timeout: 1m, absolute_timeout: 1h}", suffixes: true}),
		stored:  start("stored", watchSettings{policies: rest, storage: ", max_size: 65536", more: "checkpoint_interval: 1s"}),
		crashed: start("crashed", watchSettings{policies: rest, storage: ", timeout: 1s", more: "checkpoint_interval: 2m"}),
		quiet:   start("quiet", watchSettings{policies: rest}),
	}
}

// scraped are those that Prometheus looks at, but quiet.
func (w *watches) scraped() []*watch {
	return []*watch{w.shops, w.short, w.evidence, w.small, w.other, w.stored, w.crashed}
}

// slowly are limits of which an end that does not arrive is more than a minute late.
var slowly = limits{driver.Limits{
	Idle: 2 * time.Minute, Absolute: 5 * time.Minute, Tolerance: 100 * time.Millisecond, EndGrace: 61 * time.Second, RotationGrace: 61 * time.Second,
}, time.Second}

// goWrong does what no shop does: ids that are none, clocks that are ahead, facts that come
// late, sampled spans, ends that nobody respects, invented sessions. Something was there
// before; scraped waits until Prometheus knows of that.
func (w *watches) goWrong(scraped func()) {
	for _, one := range []*watch{w.evidence, w.small, w.crashed} {
		one.visit("web", 0, "somebody")
	}
	w.evidence.visit("public", 0, "-")
	w.stored.visit("many", 0, names("many", 3000)...)
	scraped()
	w.evidence.visit("public", 0, slices.Repeat([]string{"-"}, 5000)...)
	w.evidence.visit("clock", -time.Hour, names("ahead", 20)...)
	w.evidence.visit("slow", 0, "late")
	for i := range 20 {
		w.evidence.visit("slow", 20*time.Minute+time.Duration(i)*time.Second, "late")
	}
	w.evidence.visit("sampled", 10*time.Minute, names("sampled", 6)...)
	w.evidence.visit("sampled", 0, names("sampled", 6)...)
	for _, service := range []string{"pay", "cart"} {
		w.evidence.visit(service, 10*time.Minute, service)
		w.evidence.end(5*time.Minute, service)
		w.evidence.visit(service, 0, service)
	}
	w.small.visit("web", 10*time.Minute, "idle")
	w.small.visit("web", 0, "idle")
	eventually(w.small.t, patience, func() error { // it is found before it has to give way
		text, err := get(w.small.t.Context(), "http://"+w.small.metrics+"/metrics")
		if err == nil && !strings.Contains(string(text), `state="confirmed"} 1`) {
			err = errors.New("nothing is found")
		}
		return err
	})
	w.small.visit("web", 0, names("invented", 60)...)
}

// TestRunbooks: everything goes wrong that there is an alert of. Each fires in a real
// Prometheus, by the rule as it is but for how long it waits, and each command of its
// runbook, as it is written, prints what the page says.
func TestRunbooks(t *testing.T) {
	if os.Getenv("SESSION_RUNBOOKS") == "" {
		t.Skip("make check tries each runbook with its own fault on")
	}
	w := startWatches(t)
	soon := func(rules string) string {
		return regexp.MustCompile(`(?m)^        for: \w+$`).ReplaceAllString(rules, "        for: 1s")
	}
	var targets []string
	for _, one := range w.scraped() {
		targets = append(targets, one.metrics)
	}
	p := newPrometheus(t, soon, targets...)
	output, err := exec.CommandContext(t.Context(), peer(t, "promtool"), "tsdb", "create-blocks-from", "openmetrics", yesterday(t, "night-shop"), filepath.Join(p.dir, "data")).CombinedOutput()
	require.NoError(t, err, "%s", output)
	alone := newPrometheus(t, soon, w.quiet.metrics)
	deaf := newPrometheus(t, func(string) string { return "" }, w.quiet.metrics)
	for _, one := range []*prometheus{p, alone, deaf} {
		one.start()
	}
	began := time.Now()

	ctx, cancel := context.WithCancel(t.Context())
	var visits sync.WaitGroup
	defer visits.Wait()
	defer cancel()
	visitors := func(w *watch, l limits, s scenario) {
		visits.Go(func() {
			_, err := visit(ctx, &collector{url: "http://" + w.otlp, limits: l}, s)
			if err != nil && ctx.Err() == nil && !errors.Is(err, driver.ErrSlipped) {
				t.Error(err)
			}
		})
	}
	visitors(w.shops, atTempo(1), scenario{name: "all", faults: shop.Faults, users: 3})
	visitors(w.shops, slowly, scenario{name: "slow", faults: []shop.Fault{shop.IgnoreLogout}, stories: []string{"leaver"}, users: 2})
	visitors(w.short, atTempo(1), scenario{name: "short", stories: []string{"idler"}, users: 2}) // whose shop has a shorter limit
	w.goWrong(func() {
		eventually(t, patience, func() error {
			found, err := p.query(`count_over_time({__name__=~"otelcol_processor_session_timeout_records(_total)?", service_name=~"public|web"}[1m]) > 1`)
			if err == nil && len(found) < 4 {
				err = errors.New("not scraped twice")
			}
			return err
		})
	})

	tryRunbook(t, alone, "SessionTelemetryMissing", began)
	tryRunbook(t, p, "SessionWatchdog", began)
	said, err := deaf.runCommand(runbooks(t)["SessionWatchdog"][0])
	require.NoError(t, err)
	require.Empty(t, said, "who evaluates no rules")
	// More than a minute must be blind: a crash loses what came since the last checkpoint.
	time.Sleep(time.Until(began.Add(65 * time.Second)))
	w.crashed.process.kill()
	w.crashed.start()
	w.crashed.visit("web", 0, "somebody")
	for alert := range runbooks(t) {
		if alert != "SessionTelemetryMissing" && alert != "SessionWatchdog" {
			tryRunbook(t, p, alert, began)
		}
	}
	require.Contains(t, string(w.small.process.said()), "Findings have no way out", "as its page says")
	require.Contains(t, string(w.stored.process.said()), "does not take the checkpoint")
	enforced, err := p.query(`session:enforcement:ratio1d{service_name="pay"}`)
	require.NoError(t, err)
	require.Len(t, enforced, 1, "who refuses nothing is not absent")
	require.Zero(t, enforced[0].value)

	startAlertmanagerAt(t, w.nobody)
	requireOver(t, p, "SessionAlertsNotDelivered", 0, `result="accepted"\} => 0\.\d`)
	require.NoError(t, w.other.process.stop())
	w.other.settings.policies, w.other.settings.more = w.small.settings.policies, w.small.settings.more
	w.other.start()
	requireOver(t, p, "SessionPolicyDiffers", 0, `^$`)
	w.quiet.visit("web", 0, "somebody")
	requireOver(t, alone, "SessionTelemetryMissing", 1, `kind="request"\} => 0\.\d`)

	cancel()
	for _, one := range w.scraped() {
		one.process.kill()
	}
	eventually(t, patience, func() error { return p.fires("SessionTelemetryMissing", "") })
}

// requireOver waits until an alert has ended, and one of the commands of its runbook prints
// what the page says of that.
func requireOver(t *testing.T, p *prometheus, alert string, command int, prints string) {
	t.Helper()
	eventually(t, patience, func() error {
		said, err := p.runCommand(runbooks(t)[alert][command])
		require.NoError(t, err, said)
		page, err := p.page(alert)
		if err == nil && (page != "" || !regexp.MustCompile(prints).MatchString(said)) {
			err = fmt.Errorf("%s is not over: %s\n%s", alert, page, said)
		}
		if err == nil {
			t.Logf("%s is over:\n%s", alert, said)
		}
		return err
	})
}

// tryRunbook waits for an alert and does what its runbook says.
func tryRunbook(t *testing.T, p *prometheus, alert string, began time.Time) {
	t.Helper()
	f, is := night[alert]
	require.True(t, is, "nothing goes wrong that %s is of", alert)
	var page string
	err := within(time.Until(began.Add(patience)), func() error {
		err := p.fires(alert, f.labels)
		if err == nil {
			page, err = p.page(alert)
		}
		if err == nil && page == "" {
			err = fmt.Errorf("%s fires no more", alert)
		}
		return err
	})
	if err != nil {
		t.Error(err)
		return
	}
	require.NotRegexp(t, `<no value>|<error|\{\{|%!`, page, "what it says is not all filled in")
	t.Logf("%s{%s} after %v\n%s", alert, f.labels, time.Since(began).Round(time.Second), page)
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
