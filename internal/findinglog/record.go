package findinglog

import (
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Record is all that the log record of a finding says: the finding, and what the configuration knows of
// it. What follows from these, such as the sentence in the record's body, has no field.
//
// Instants are those of the years 1970 to 2261, 0 where the record does not say. Policy is an index into
// one configuration, so no record carries it: it is 0 in what is decoded.
type Record struct {
	fact.Finding

	PolicyName string
	// Limit is what the type of violation is measured by: the policy's limit, or how long a session may
	// still be served after its end. 0 where the record does not say.
	Limit    time.Duration
	Severity Severity
}

// Clean makes of all texts of r what may leave, and what may be shown.
func (r *Record) Clean() {
	r.Finding.Clean()
	r.PolicyName = fact.Clean(r.PolicyName)
}
