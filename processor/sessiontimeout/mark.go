package sessiontimeout

import (
	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/findinglog"
	"github.com/otelcol-session/otelcol-session/internal/session"
)

// mark says on the offending span or record itself what is thought of it as it
// passes, so that tail sampling keeps its trace and a search finds it.
func (s *shared) mark(attrs pcommon.Map, m session.Mark) {
	attrs.PutStr(findinglog.AttrType, m.Type.String())
	attrs.PutDouble(findinglog.AttrOverrun, seconds(m.Overrun))
	attrs.PutStr(findinglog.AttrState, "suspected")
	attrs.PutStr(findinglog.AttrPolicy, s.cfg.Policies[m.Policy].name())
}
