package findinglog

import "go.opentelemetry.io/collector/pdata/plog"

// Severity is how bad a finding is, in the words of the configuration and of alerts. What is none of the
// three is written as Warning; a record never reads as anything else than one of them.
type Severity string

// The severities.
const (
	Info     Severity = "info"
	Warning  Severity = "warning"
	Critical Severity = "critical"
)

// levels are the severities as a log record has them, the worst first.
var levels = [...]struct {
	severity Severity
	number   plog.SeverityNumber
	text     string
}{
	{Critical, plog.SeverityNumberError, "ERROR"},
	{Warning, plog.SeverityNumberWarn, "WARN"},
	{Info, plog.SeverityNumberInfo, "INFO"},
}

func (s Severity) write(to plog.LogRecord) {
	for _, l := range levels {
		if l.severity == s {
			to.SetSeverityNumber(l.number)
			to.SetSeverityText(l.text)
			return
		}
	}
	Warning.write(to)
}

// severityOf reads a record's severity, empty where it is none of a finding's. Numbers between two levels
// are the lower one's: a pipeline may have shifted them.
func severityOf(n plog.SeverityNumber) Severity {
	if n > plog.SeverityNumberFatal4 {
		return ""
	}
	for _, l := range levels {
		if n >= l.number {
			return l.severity
		}
	}
	return ""
}
