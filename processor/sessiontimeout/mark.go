package sessiontimeout

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/session"
)

// mark says on the offending span or record itself what is thought of it as it
// passes, so that tail sampling keeps its trace and a search finds it.
func (w *watch) mark(attrs pcommon.Map, m session.Mark) {
	attrs.PutStr("session_timeout.type", m.Type.String())
	attrs.PutDouble("session_timeout.overrun", seconds(m.Overrun))
	attrs.PutStr("session_timeout.state", "suspected")
	attrs.PutStr("session_timeout.policy", w.cfg.Policies[m.Policy].name())
}
