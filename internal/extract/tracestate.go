package extract

import "strings"

// isSampled reports whether a tracestate says that other traces like this one
// were dropped: OpenTelemetry's entry has a rejection threshold (ot=th:) and
// it is not zero.
func isSampled(tracestate string) bool {
	for tracestate != "" {
		var member string
		member, tracestate, _ = strings.Cut(tracestate, ",")
		key, value, ok := strings.Cut(strings.Trim(member, " \t"), "=")
		if !ok || key != "ot" {
			continue
		}
		for value != "" {
			var field string
			field, value, _ = strings.Cut(value, ";")
			if threshold, ok := strings.CutPrefix(field, "th:"); ok {
				return isThreshold(threshold) && strings.Trim(threshold, "0") != ""
			}
		}
		return false // a key comes once
	}
	return false
}

// isThreshold reports whether s is one: up to 14 lower-case hex digits, which
// is 56 bits with trailing zeros left out.
func isThreshold(s string) bool {
	if s == "" || len(s) > 14 {
		return false
	}
	for i := range len(s) {
		if c := s[i]; c-'0' > 9 && c-'a' > 5 {
			return false
		}
	}
	return true
}
