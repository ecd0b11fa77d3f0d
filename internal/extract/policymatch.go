package extract

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// policyMatcher finds the policy that governs a request.
type policyMatcher struct {
	policies [][]condition
	mask     uint64 // the slots that conditions look at
}

// condition is one attribute and the values that it may have.
type condition struct {
	slot   slot
	few    []string            // values, where they are
	many   map[string]struct{} // or else
	begins []string
	// exceptions: a span's exception events have it, too.
	exceptions bool
}

// fewValues are compared one by one faster than they are hashed.
const fewValues = 8

func newPolicyMatcher(policies []PolicyMatch, keys *keyTable) (policyMatcher, error) {
	var m policyMatcher
	var errs []error
	if len(policies) > fact.MaxPolicies {
		errs = append(errs, fmt.Errorf("policies: must be no more than %d (got %d)", fact.MaxPolicies, len(policies)))
	}
	for i, p := range policies {
		conditions, err := newConditions(fmt.Sprintf("policies::%d::match", i), p.Match, keys)
		if err != nil {
			errs = append(errs, err)
		}
		for j := range conditions {
			m.mask |= 1 << conditions[j].slot
		}
		m.policies = append(m.policies, conditions)
	}
	return m, errors.Join(errs...)
}

// newConditions reads a match.
func newConditions(key string, match map[string][]string, keys *keyTable) (conditions []condition, err error) {
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(match)) {
		c, err := newCondition(key+"::"+name, name, match[name], keys)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		conditions = append(conditions, c)
	}
	return conditions, errors.Join(errs...)
}

func newCondition(key, name string, values []string, keys *keyTable) (condition, error) {
	if name == "" {
		return condition{}, fmt.Errorf("%s: an attribute's name must not be empty (got %q)", key, name)
	}
	if len(values) == 0 {
		return condition{}, fmt.Errorf("%s: must list at least one value (got %q)", key, values)
	}
	s, ok := keys.add(name)
	if !ok {
		return condition{}, tooManyNames(key, name)
	}
	c := condition{slot: s, exceptions: name == exceptionType}
	for i, v := range values {
		if err := checkPattern(v); err != nil {
			return condition{}, fmt.Errorf("%s::%d: %w (got %q)", key, i, err, v)
		}
		if begin, ok := strings.CutSuffix(v, "*"); ok {
			c.begins = append(c.begins, begin)
		} else {
			c.few = append(c.few, v)
		}
	}
	if len(c.few) > fewValues {
		c.many = make(map[string]struct{}, len(c.few))
		for _, v := range c.few {
			c.many[v] = struct{}{}
		}
		c.few = nil
	}
	return c, nil
}

var (
	errEmpty    = errors.New("must not be empty")
	errAsterisk = errors.New("may have a * at its end only")
)

func checkPattern(s string) error {
	switch i := strings.IndexByte(s, '*'); {
	case s == "":
		return errEmpty
	case i >= 0 && i < len(s)-1:
		return errAsterisk
	}
	return nil
}

func tooManyNames(key, name string) error {
	return fmt.Errorf("%s: sources, policies and rules may name %d attributes beside the ones that are always read (got %q in excess)",
		key, maxSlots-builtinSlots, name)
}

// policy is the first one that matches, each attribute being looked up in
// places in their order.
func (m *policyMatcher) policy(places ...*found) uint8 {
	for i, conditions := range m.policies {
		if matchAll(conditions, places) {
			return uint8(i)
		}
	}
	return fact.NoPolicy
}

func matchAll(conditions []condition, places []*found) bool {
	for i := range conditions {
		if !conditions[i].fits(places) {
			return false
		}
	}
	return true
}

// fits looks at the first of places that has the attribute.
func (c *condition) fits(places []*found) bool {
	for _, f := range places {
		if f.has(c.slot) {
			return c.match(f.values[c.slot%maxSlots])
		}
	}
	return false
}

// match compares texts, and numbers and bools as they are written. Of a list, one
// element is enough.
func (c *condition) match(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return c.matchText(v.Str())
	case pcommon.ValueTypeInt:
		var buf [20]byte
		return c.matchBytes(strconv.AppendInt(buf[:0], v.Int(), 10))
	case pcommon.ValueTypeDouble:
		var buf [32]byte
		return c.matchBytes(strconv.AppendFloat(buf[:0], v.Double(), 'f', -1, 64))
	case pcommon.ValueTypeBool:
		var buf [5]byte
		return c.matchBytes(strconv.AppendBool(buf[:0], v.Bool()))
	case pcommon.ValueTypeSlice:
		elements := v.Slice()
		for i := range elements.Len() {
			if e := elements.At(i); e.Type() != pcommon.ValueTypeSlice && c.match(e) {
				return true
			}
		}
	}
	return false
}

func (c *condition) matchText(s string) bool {
	if slices.Contains(c.few, s) {
		return true
	}
	if c.many != nil {
		if _, ok := c.many[s]; ok {
			return true
		}
	}
	for _, begin := range c.begins {
		if strings.HasPrefix(s, begin) {
			return true
		}
	}
	return false
}

// matchBytes does, of what is only here for now.
func (c *condition) matchBytes(b []byte) bool {
	return c.matchText(unsafe.String(unsafe.SliceData(b), len(b)))
}
