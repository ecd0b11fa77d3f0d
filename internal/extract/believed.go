package extract

import "go.opentelemetry.io/collector/pdata/pcommon"

// Believed reports whether what comes from this resource may be facts: what a
// browser or a device sends is its user's.
func Believed(resource pcommon.Map) bool {
	if v, ok := resource.Get("telemetry.sdk.language"); ok && v.Str() == "webjs" {
		return false
	}
	return !isUserAgent(resource)
}
