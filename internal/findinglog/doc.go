// Package findinglog is a finding as a log record: what it is called, how it is written and how it is
// read back. The processor writes such records, the exporter and whoever else shows findings read them.
//
// To add an attribute of a finding, open attributes.go: its name and its entry are there, and nowhere
// else.
package findinglog

// Scope is the name of the scope of findings. What carries it is never read as a fact.
const Scope = "github.com/otelcol-session/otelcol-session/processor/sessiontimeout"

// Event is the event name of a finding's log record.
const Event = "session_timeout.violation"
