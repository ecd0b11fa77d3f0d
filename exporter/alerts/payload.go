package alerts

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/go-openapi/strfmt"
	"github.com/prometheus/alertmanager/api/v2/models"

	"github.com/otelcol-session/otelcol-session/internal/clean"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// writer turns alerts into what Alertmanager takes. It knows the links and labels of the configuration.
type writer struct {
	labels       map[string]string
	runbookURL   string
	traceURL     string
	consoleURL   string
	generatorURL string
}

func newWriter(cfg *Config) writer {
	return writer{labels: cfg.Labels, runbookURL: cfg.RunbookURL, traceURL: cfg.TraceURL, consoleURL: cfg.ConsoleURL, generatorURL: cfg.GeneratorURL}
}

// postable returns the alert in Alertmanager's own model.
func (w writer) postable(a alert) *models.PostableAlert {
	annotations := w.annotations(a)
	source := w.generatorURL
	if source == "" {
		source = annotations["trace_url"]
	}
	return &models.PostableAlert{
		Alert: models.Alert{
			Labels:       a.identity.labels(w.labels),
			GeneratorURL: strfmt.URI(source),
		},
		Annotations: annotations,
		StartsAt:    strfmt.DateTime(a.startsAt.UTC()),
		EndsAt:      strfmt.DateTime(a.endsAt.UTC()),
	}
}

// annotations hold what changes while the alert lives. Sessions appear in them by pseudonym only. Links are
// as the configuration has them.
func (w writer) annotations(a alert) models.LabelSet {
	notes := models.LabelSet{
		"summary":     clean.Text(summary(a), maxAnnotationValue),
		"description": clean.Text(description(a), maxAnnotationValue),
		"sessions":    number(int64(a.sessions), a.atLeast),
		"requests":    number(a.requests, a.atLeast || a.more),
		"first_at":    moment(a.first),
		"last_at":     moment(a.last),
	}
	if len(a.pseudonyms) > 0 {
		notes["pseudonyms"] = strings.Join(a.pseudonyms, ", ")
	}
	if w.runbookURL != "" {
		notes["runbook_url"] = w.runbookURL
	}
	if w.consoleURL != "" && a.finding != 0 {
		notes["console_url"] = consoleLink(w.consoleURL, a.finding)
	}
	if !a.trace.IsEmpty() {
		notes["trace_id"] = a.trace.String()
		if w.traceURL != "" {
			notes["trace_url"] = traceLink(w.traceURL, a.trace.String())
		}
	}
	return notes
}

// after says, by violation, when sessions were served: of one, and of several.
var after = map[string][2]string{
	fact.IdleTimeout.String():     {"past its idle timeout", "past their idle timeouts"},
	fact.AbsoluteTimeout.String(): {"past its absolute timeout", "past their absolute timeouts"},
	fact.EndedSession.String():    {"after it had ended", "after they had ended"},
	fact.RotatedSession.String():  {"under an id that had been rotated away", "under ids that had been rotated away"},
	fact.RevokedSession.String():  {"after it had been revoked", "after they had been revoked"},
}

func summary(a alert) string {
	service := a.identity.Service
	if service == "" {
		service = "A service without a name"
	}
	forms, ok := after[a.identity.Violation]
	if !ok {
		forms = [2]string{"after it had expired", "after they had expired"}
	}
	when := forms[1]
	if a.sessions == 1 {
		when = forms[0]
	}
	return fmt.Sprintf("%s served %s %s", service, count(int64(a.sessions), a.atLeast, "session"), when)
}

func description(a alert) string {
	var b strings.Builder
	if a.identity.Policy != "" {
		fmt.Fprintf(&b, "Policy %s: ", a.identity.Policy)
	}
	verb := "were"
	if a.requests == 1 {
		verb = "was"
	}
	fmt.Fprintf(&b, "%s of %s %s served, ",
		count(a.requests, a.atLeast || a.more, "request"), count(int64(a.sessions), a.atLeast, "expired session"), verb)
	if a.first == a.last {
		fmt.Fprintf(&b, "at %s", moment(a.first))
	} else {
		fmt.Fprintf(&b, "the first at %s and the latest at %s", moment(a.first), moment(a.last))
	}
	if a.overrun > 0 {
		fmt.Fprintf(&b, ", up to %s after expiry", duration(a.overrun))
	}
	b.WriteString(".")
	if !a.trace.IsEmpty() {
		fmt.Fprintf(&b, " An example is trace %s.", a.trace)
	}
	if len(a.pseudonyms) > 0 {
		b.WriteString(" The pseudonyms lead to the sessions' own telemetry.")
	}
	return b.String()
}

func count(n int64, atLeast bool, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return number(n, atLeast) + " " + noun
}

func number(n int64, atLeast bool) string {
	if atLeast {
		return "at least " + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

func moment(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339) }

// maxSeconds is what a time.Duration can hold.
const maxSeconds = float64(1<<63-1) / float64(time.Second)

// duration writes seconds for a person: to the second, or finer where that would be nothing.
func duration(seconds float64) string {
	if !(seconds < maxSeconds) {
		return "centuries"
	}
	d := time.Duration(seconds * float64(time.Second))
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
