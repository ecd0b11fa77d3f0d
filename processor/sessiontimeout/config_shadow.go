package sessiontimeout

import (
	"fmt"
	"slices"
	"strings"
)

// validateOrder returns an error for each policy that never governs, since one
// before it matches all that it matches.
func validateOrder(policies []PolicyConfig) (errs []error) {
	for j := range policies {
		i := slices.IndexFunc(policies[:j], func(p PolicyConfig) bool { return covers(p.Match, policies[j].Match) })
		switch {
		case i < 0:
		case covers(policies[j].Match, policies[i].Match):
			errs = append(errs, fmt.Errorf("policies::%d: must differ in match from policies::%d (%s), or it never governs (got %q)",
				j, i, policies[i].Name, policies[j].Name))
		default:
			errs = append(errs, fmt.Errorf("policies::%d: must come before policies::%d (%s), which matches all that it matches, so that it never governs (got %q)",
				j, i, policies[i].Name, policies[j].Name))
		}
	}
	return errs
}

// covers reports whether all that match matches wide matches, too.
func covers(wide, match map[string][]string) bool {
	for name, values := range wide {
		narrow := match[name]
		if len(narrow) == 0 {
			return false
		}
		for _, value := range narrow {
			if !slices.ContainsFunc(values, func(v string) bool { return coversValue(v, value) }) {
				return false
			}
		}
	}
	return true
}

// coversValue reports whether all that value matches wide matches, too. Either
// may end in a *, which matches any rest.
func coversValue(wide, value string) bool {
	prefix, open := strings.CutSuffix(wide, "*")
	if !open {
		return wide == value
	}
	return strings.HasPrefix(strings.TrimSuffix(value, "*"), prefix)
}
