// Package units reads configurations in which every duration has a unit.
package units

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// Unmarshal decodes conf into cfg, a pointer to a struct with its defaults, as
// conf.Unmarshal does. It is an error if a duration is a number other than 0,
// which the decoder would take for nanoseconds, or a text that is no duration.
// Its errors name all such keys, the rule and the values.
func Unmarshal(conf *confmap.Conf, cfg any) error {
	// Which keys are durations is known by what cfg has for them: by the
	// defaults, and where those have nothing, by what was decoded.
	if err := check(conf, cfg); err != nil {
		return err
	}
	if err := conf.Unmarshal(cfg); err != nil {
		return err
	}
	return check(conf, cfg)
}

func check(conf *confmap.Conf, cfg any) error {
	decoded := confmap.New()
	if err := decoded.Marshal(cfg); err != nil {
		return err
	}
	return errors.Join(compare(nil, "", decoded.ToStringMap(), conf.ToStringMap())...)
}

// compare adds what is wrong with got, where typed has a duration, to errs.
func compare(errs []error, key string, typed, got any) []error {
	switch typed := typed.(type) {
	case map[string]any:
		got, _ := got.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(got)) {
			if t, ok := typed[name]; ok {
				errs = compare(errs, join(key, name), t, got[name])
			}
		}
	case []any:
		got, _ := got.([]any)
		for i := range min(len(typed), len(got)) {
			errs = compare(errs, join(key, strconv.Itoa(i)), typed[i], got[i])
		}
	case time.Duration:
		if text, ok := got.(string); ok {
			if _, err := time.ParseDuration(text); err != nil {
				return append(errs, fmt.Errorf("%s: must be a number with a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got %q)", key, text))
			}
			return errs
		}
		if v := reflect.ValueOf(got); (v.CanInt() || v.CanUint() || v.CanFloat()) && !v.IsZero() {
			return append(errs, fmt.Errorf("%s: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got %v)", key, got))
		}
	}
	return errs
}

func join(key, name string) string {
	if key == "" {
		return name
	}
	return key + "::" + name
}
