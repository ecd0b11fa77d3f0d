package session

import (
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// retractEmptied lets findings of session out that nothing is left of, before the
// session is evicted: what was found is not so, and nobody would say it later.
func (e *Engine) retractEmptied(session fact.ID, now int64) {
	for _, f := range slices.Clone(e.findings.bySession[session]) {
		if (f.dirty || f.inLater >= 0) && len(f.members) == 0 {
			e.reportOne(f, now, true)
		}
	}
}
