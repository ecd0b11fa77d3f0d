package alerts

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/clean"
)

const (
	// maxLabelValue is how many bytes a label's value has at most. Longer ones are cut, so that no finding
	// can bloat an alert.
	maxLabelValue = 256
	// maxAnnotationValue is how many bytes a sentence in an annotation has at most. It has room for two
	// labels' values and what stands around them.
	maxAnnotationValue = 1024
)

// labelValue makes a text fit to be a label's value: Alertmanager answers 400 to invalid UTF-8. The batch
// that it came in is not kept.
func labelValue(s string) string { return strings.Clone(clean.Text(s, maxLabelValue)) }
