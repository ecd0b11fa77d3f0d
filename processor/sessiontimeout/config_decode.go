package sessiontimeout

import (
	"fmt"
	"maps"
	"math"
	"strconv"

	"go.opentelemetry.io/collector/confmap"
)

// spellOut writes every list of conf, which is the decoder's own copy, in full: a
// text in it is the map that it stands for, and a single item a list of one. What
// is set replaces its default, which would shine through otherwise.
func (c *Config) spellOut(conf *confmap.Conf) error {
	full := map[string]any{}
	for _, list := range []struct {
		section, key string // "" is the top
		read         func(key string, value any) (any, error)
		clear        func()
	}{
		{"session_id", "sources", sourceList, func() { c.SessionID.Sources = nil }},
		{"session_id", "previous", sourceList, func() { c.SessionID.Previous = nil }},
		{"session_id", "linked", sourceList, func() { c.SessionID.Linked = nil }},
		{"session_id", "placeholders", textList, func() { c.SessionID.Placeholders = nil }},
		{"user_id", "sources", sourceList, func() { c.UserID.Sources = nil }},
		{"user_id", "placeholders", textList, func() { c.UserID.Placeholders = nil }},
		{"events", "started", eventList, func() { c.Events.Started = nil }},
		{"events", "authenticated", eventList, func() { c.Events.Authenticated = nil }},
		{"events", "ended", eventList, func() { c.Events.Ended = nil }},
		{"events", "ended_user", eventList, func() { c.Events.EndedUser = nil }},
		{"events", "activity", eventList, func() { c.Events.Activity = nil }},
		{"outcomes", "rejected", ruleList, func() { c.Outcomes.Rejected = nil }},
		{"outcomes", "indeterminate", ruleList, func() { c.Outcomes.Indeterminate = nil }},
		{"", "exempt", ruleList, func() { c.Exempt = nil }},
		{"", "passive", ruleList, func() { c.Passive = nil }},
		{"", "streams", ruleList, func() { c.Streams = nil }},
		{"", "foreground", ruleList, func() { c.Foreground = nil }},
		{"", "login_locations", textList, func() { c.LoginLocations = nil }},
	} {
		key, into := list.key, full
		if list.section != "" {
			key = list.section + "::" + list.key
		}
		if !conf.IsSet(key) {
			continue
		}
		value, err := list.read(key, conf.Get(key))
		if err != nil {
			return err
		}
		if list.section != "" {
			section, ok := full[list.section].(map[string]any)
			if !ok {
				section = map[string]any{}
				full[list.section] = section
			}
			into = section
		}
		into[list.key] = value
		list.clear()
	}
	return conf.Merge(confmap.NewFromStringMap(full))
}

// spellOutMatch does as much with the match of a policy.
func spellOutMatch(conf *confmap.Conf) error {
	if !conf.IsSet("match") {
		return nil
	}
	match, err := matchValues("match", conf.Get("match"))
	if err != nil {
		return err
	}
	return conf.Merge(confmap.NewFromStringMap(map[string]any{"match": match}))
}

// items is a list, a list of one, or none for what is left empty.
func items(value any) []any {
	switch value := value.(type) {
	case nil:
		return []any{}
	case []any:
		return value
	default:
		return []any{value}
	}
}

// listOf reads each item: a text stands for the map in which key is that text, and
// a map is what read makes of it.
func listOf(at, key string, value any, read func(at string, m map[string]any) error) (any, error) {
	list := make([]any, 0, len(items(value)))
	for i, item := range items(value) {
		here := fmt.Sprintf("%s::%d", at, i)
		switch item := item.(type) {
		case map[string]any:
			m := maps.Clone(item)
			if err := read(here, m); err != nil {
				return nil, err
			}
			list = append(list, m)
		default:
			text, ok := scalar(item)
			if !ok || key == "" {
				return nil, fmt.Errorf("%s: must be %s (got %v)", here, wanted(key), item)
			}
			list = append(list, map[string]any{key: text})
		}
	}
	return list, nil
}

func wanted(key string) string {
	if key == "" {
		return "a map with methods, routes or match"
	}
	return fmt.Sprintf("a text, which is its %s, or a map", key)
}

func sourceList(at string, value any) (any, error) {
	return listOf(at, "attribute", value, func(_ string, m map[string]any) error {
		// Names and signs may look like numbers.
		for _, key := range []string{"cookie", "claim", "path_parameter", "strip_prefix", "until"} {
			if text, ok := scalar(m[key]); ok {
				m[key] = text
			}
		}
		return nil
	})
}

func eventList(at string, value any) (any, error) {
	return listOf(at, "name", value, func(here string, m map[string]any) (err error) {
		if request, ok := m["request"].(map[string]any); ok {
			rule := maps.Clone(request)
			if err := ruleParts(here+"::request", rule); err != nil {
				return err
			}
			m["request"] = rule
		}
		for _, name := range []string{"session", "user"} {
			if v, ok := m[name]; ok {
				if m[name], err = sourceList(here+"::"+name, v); err != nil {
					return err
				}
			}
		}
		if match, ok := m["match"]; ok {
			m["match"], err = matchValues(here+"::match", match)
		}
		return err
	})
}

func ruleList(at string, value any) (any, error) {
	return listOf(at, "", value, ruleParts)
}

// ruleParts spells out the lists of one rule.
func ruleParts(at string, m map[string]any) (err error) {
	for _, name := range []string{"methods", "routes"} {
		if v, ok := m[name]; ok {
			if m[name], err = textList(at+"::"+name, v); err != nil {
				return err
			}
		}
	}
	if match, ok := m["match"]; ok {
		m["match"], err = matchValues(at+"::match", match)
	}
	return err
}

// matchValues are the values of attributes as texts, which is how they are compared.
func matchValues(at string, value any) (any, error) {
	match, ok := value.(map[string]any)
	if !ok {
		return value, nil // the decoder says what is wrong
	}
	texts := make(map[string]any, len(match))
	for name, values := range match {
		list, err := textList(at+"::"+name, values)
		if err != nil {
			return nil, err
		}
		texts[name] = list
	}
	return texts, nil
}

// textList is a list of texts. Numbers and booleans are as they are written.
func textList(at string, value any) (any, error) {
	list := make([]any, 0, len(items(value)))
	for i, item := range items(value) {
		text, ok := scalar(item)
		if !ok {
			return nil, fmt.Errorf("%s::%d: must be a text, a number or a boolean: what YAML takes for something else, such as null, needs quotes (got %v)", at, i, item)
		}
		list = append(list, text)
	}
	return list, nil
}

// scalar is a text, a number or a boolean as text.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case bool:
		return strconv.FormatBool(v), true
	case int:
		return strconv.Itoa(v), true
	case int64:
		return strconv.FormatInt(v, 10), true
	case uint64:
		return strconv.FormatUint(v, 10), true
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return "", false
		}
		return strconv.FormatFloat(v, 'f', -1, 64), true
	}
	return "", false
}
