package fact

import "github.com/otelcol-session/otelcol-session/internal/clean"

// MaxText is the longest text in bytes that leaves in a finding or a metric.
const MaxText = 1024

// Clean returns s as it may leave, see [clean.Text], no longer than [MaxText]. Ids
// are never cleaned: they are compared byte by byte.
func Clean(s string) string { return clean.Text(s, MaxText) }

// clean makes of r what may leave.
func (r *Resource) clean() {
	for _, s := range r.texts() {
		*s = Clean(*s)
	}
}

// Clean makes of all texts of f what may leave, wherever they came from: a
// finding may have been stored by a version that took what came.
func (f *Finding) Clean() {
	f.Resource.clean()
	f.EndedBy, f.Reason = Clean(f.EndedBy), Clean(f.Reason)
	for _, s := range f.Details.Texts() {
		*s = Clean(*s)
	}
}
