package sessiontimeout

import (
	"errors"
	"fmt"
	"strings"

	"go.opentelemetry.io/collector/confmap"
)

// refuseFirstVersion returns an error for each key that has another form since the
// first version, with what was written in the new one.
func refuseFirstVersion(conf *confmap.Conf) error {
	var errs []error
	if key := "session_id::attributes"; conf.IsSet(key) {
		errs = append(errs, fmt.Errorf("%s: must be session_id::sources now: {sources: %s} (got %v)", key, flow(newSources(conf.Get(key))), conf.Get(key)))
	}
	if key := "user_id::attributes"; conf.IsSet(key) {
		errs = append(errs, fmt.Errorf("%s: must be user_id::sources: {sources: %s} (got %v)", key, flow(newSources(conf.Get(key))), conf.Get(key)))
	}
	for _, key := range []string{"exempt", "passive", "streams", "foreground", "outcomes::rejected", "outcomes::indeterminate"} {
		old, ok := conf.Get(key).(map[string]any)
		if !ok {
			continue
		}
		// Either of the two was enough, and of one rule both must fit.
		var rules []any
		for _, name := range []string{"methods", "routes", "match"} {
			if v, ok := old[name]; ok {
				if list, isList := v.([]any); !isList || len(list) > 0 {
					rules = append(rules, map[string]any{name: v})
				}
			}
		}
		errs = append(errs, fmt.Errorf("%s: must be a list of rules, each of which fits if all that it names does: %s: %s (got a map)", key, key[strings.LastIndexByte(key, ':')+1:], flow(rules)))
	}
	return errors.Join(errs...)
}

// newSources says which cookie is to be named where a header with all of them was.
func newSources(value any) (sources []any) {
	for _, item := range items(value) {
		if text, ok := item.(string); ok && strings.HasSuffix(text, ".header.cookie") {
			item = map[string]any{"attribute": text, "cookie": "NAME"}
		}
		sources = append(sources, item)
	}
	return sources
}

// flow writes a value as YAML does in one line.
func flow(value any) string {
	var b strings.Builder
	switch v := value.(type) {
	case []any:
		b.WriteByte('[')
		for i, item := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(flow(item))
		}
		b.WriteByte(']')
	case map[string]any:
		b.WriteByte('{')
		for i, name := range sortedKeys(v) {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(name + ": " + flow(v[name]))
		}
		b.WriteByte('}')
	case string:
		if v == "" || strings.ContainsAny(v, ",[]{}:#&*!|>'\"%@` ") {
			return fmt.Sprintf("%q", v)
		}
		return v
	default:
		fmt.Fprint(&b, v)
	}
	return b.String()
}
