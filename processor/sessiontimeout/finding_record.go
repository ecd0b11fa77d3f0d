package sessiontimeout

import (
	"encoding/hex"
	"fmt"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/processor/sessiontimeout/internal/metadata"
)

// eventName is what a finding is called.
const eventName = "session_timeout.violation"

// findingRecords turns findings into log records, those of one service under
// one resource.
func findingRecords(findings []fact.Finding, cfg *Config) plog.Logs {
	ld := plog.NewLogs()
	at := map[fact.Resource]plog.LogRecordSlice{}
	for _, finding := range findings {
		f := &finding
		f.Clean()
		records, ok := at[f.Resource]
		if !ok {
			rl := ld.ResourceLogs().AppendEmpty()
			putResource(rl.Resource().Attributes(), &f.Resource)
			sl := rl.ScopeLogs().AppendEmpty()
			sl.Scope().SetName(metadata.ScopeName)
			records = sl.LogRecords()
			at[f.Resource] = records
		}
		putFinding(records.AppendEmpty(), f, cfg)
	}
	return ld
}

func putResource(attrs pcommon.Map, r *fact.Resource) {
	putIf(attrs, "service.name", r.ServiceName)
	putIf(attrs, "service.namespace", r.ServiceNamespace)
	putIf(attrs, "service.instance.id", r.ServiceInstance)
	putIf(attrs, "deployment.environment.name", r.Environment)
}

func putIf(attrs pcommon.Map, key, value string) {
	if value != "" {
		attrs.PutStr(key, value)
	}
}

func putFinding(r plog.LogRecord, f *fact.Finding, cfg *Config) {
	p := &cfg.Policies[f.Policy]
	r.SetEventName(eventName)
	r.SetTimestamp(pcommon.Timestamp(f.At))
	r.SetObservedTimestamp(pcommon.Timestamp(f.DecidedAt))
	r.SetTraceID(f.Trace)
	r.SetSpanID(f.Span)
	severity := p.Severity
	if f.Background && p.Background == "observe" {
		severity = "info"
	}
	switch severity {
	case "info":
		r.SetSeverityNumber(plog.SeverityNumberInfo)
		r.SetSeverityText("INFO")
	case "critical":
		r.SetSeverityNumber(plog.SeverityNumberError)
		r.SetSeverityText("ERROR")
	default:
		r.SetSeverityNumber(plog.SeverityNumberWarn)
		r.SetSeverityText("WARN")
	}
	r.Body().SetStr(sentence(f, p))

	a := r.Attributes()
	a.EnsureCapacity(26)
	a.PutStr("session_timeout.session", hex.EncodeToString(f.Session[:]))
	if f.User != (fact.Pseudonym{}) {
		a.PutStr("session_timeout.user", hex.EncodeToString(f.User[:]))
	}
	a.PutStr("session_timeout.id", fmt.Sprintf("%016x", f.ID))
	a.PutInt("session_timeout.revision", int64(f.Revision))
	a.PutStr("session_timeout.type", f.Type.String())
	a.PutStr("session_timeout.state", f.State.String())
	putIf(a, "session_timeout.reason", f.Reason)
	a.PutDouble("session_timeout.overrun", seconds(f.Overrun))
	a.PutStr("session_timeout.expired_at", rfc3339(f.ExpiredAt))
	a.PutInt("session_timeout.requests", int64(f.Requests))
	a.PutStr("session_timeout.first_at", rfc3339(f.FirstAt))
	a.PutStr("session_timeout.last_at", rfc3339(f.LastAt))
	a.PutStr("session_timeout.started_at", rfc3339(f.StartedAt))
	a.PutBool("session_timeout.start_known", f.StartKnown)
	if f.Type == fact.IdleTimeout {
		a.PutStr("session_timeout.last_activity_at", rfc3339(f.LastActivityAt))
	}
	putIf(a, "session_timeout.ended_by", f.EndedBy)
	a.PutStr("session_timeout.policy", p.name())
	a.PutDouble("session_timeout.limit", limit(f.Type, p).Seconds())
	a.PutStr("session_timeout.evidence", evidence(f))
	a.PutBool("session_timeout.background", f.Background)
	putIf(a, "http.request.method", f.Details.Method)
	putIf(a, "http.route", f.Details.Route)
	putIf(a, "url.path", f.Details.Path)
	if f.Details.Status != 0 {
		a.PutInt("http.response.status_code", int64(f.Details.Status))
	}
	putIf(a, "rpc.method", f.Details.RPCMethod)
	putIf(a, "messaging.destination.name", f.Details.Destination)
}

func evidence(f *fact.Finding) string {
	if f.Identity {
		return "identity"
	}
	return "success"
}

// limit is what the type of violation is measured by: a limit, or how long an
// ended session may still be served.
func limit(t fact.Type, p *PolicyConfig) time.Duration {
	switch t {
	case fact.IdleTimeout:
		return p.IdleTimeout
	case fact.AbsoluteTimeout:
		return p.AbsoluteTimeout
	case fact.RotatedSession:
		return p.RotationGrace
	default:
		return p.EndGrace
	}
}

func seconds(ns int64) float64 { return time.Duration(ns).Seconds() }

func rfc3339(ns int64) string { return time.Unix(0, ns).UTC().Format(time.RFC3339Nano) }

// name is what the policy is called in whatever leaves.
func (p *PolicyConfig) name() string { return fact.Clean(p.Name) }

// sentence says what was found to a person on call.
func sentence(f *fact.Finding, p *PolicyConfig) string {
	service := f.Resource.ServiceName
	if service == "" {
		service = "A service without a name"
	}
	served := "a request"
	if f.Requests > 1 {
		served = fmt.Sprintf("%d requests", f.Requests)
	}
	who := "session " + short(f.Session)
	if f.User != (fact.Pseudonym{}) {
		who += " of user " + short(f.User)
	}
	over := round(time.Duration(f.Overrun))
	var how string
	switch f.Type {
	case fact.IdleTimeout:
		how = fmt.Sprintf("%s past its idle timeout of %s", over, p.IdleTimeout)
	case fact.AbsoluteTimeout:
		how = fmt.Sprintf("%s past its absolute timeout of %s", over, p.AbsoluteTimeout)
	case fact.RotatedSession:
		how = fmt.Sprintf("%s after its id was rotated away and the grace of %s was over", over, p.RotationGrace)
	case fact.RevokedSession:
		how = fmt.Sprintf("%s after all sessions of its user were ended and the grace of %s was over", over, p.EndGrace)
	default:
		how = fmt.Sprintf("%s after it was ended and the grace of %s was over", over, p.EndGrace)
	}
	first := ""
	if f.Requests > 1 {
		first = ", the first of them"
	}
	text := fmt.Sprintf("%s served %s of %s%s %s (policy %s)", service, served, who, first, how, p.name())
	switch f.State {
	case fact.Retracted:
		return "Retracted, since evidence came that clears it: " + text + "."
	case fact.Inconclusive:
		return fmt.Sprintf("Inconclusive (%s): %s.", f.Reason, text)
	}
	return text + "."
}

// short is enough of a pseudonym for a person to compare.
func short(p fact.Pseudonym) string { return hex.EncodeToString(p[:6]) }

// round leaves as much of a duration as a person reads.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
