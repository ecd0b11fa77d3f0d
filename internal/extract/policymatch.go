package extract

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

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
	exact  map[string]struct{}
	begins []string
}

func newPolicyMatcher(policies []PolicyMatch, keys *keyTable) (policyMatcher, error) {
	var m policyMatcher
	var errs []error
	if len(policies) > fact.MaxPolicies {
		errs = append(errs, fmt.Errorf("policies: must be no more than %d (got %d)", fact.MaxPolicies, len(policies)))
	}
	for i, p := range policies {
		names := make([]string, 0, len(p.Match))
		for name := range p.Match {
			names = append(names, name)
		}
		slices.Sort(names)
		conditions := make([]condition, 0, len(names))
		for _, name := range names {
			key := fmt.Sprintf("policies::%d::match::%s", i, name)
			c, err := newCondition(key, name, p.Match[name], keys)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			m.mask |= 1 << c.slot
			conditions = append(conditions, c)
		}
		m.policies = append(m.policies, conditions)
	}
	return m, errors.Join(errs...)
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
	c := condition{slot: s, exact: map[string]struct{}{}}
	for i, v := range values {
		if err := checkPattern(v); err != nil {
			return condition{}, fmt.Errorf("%s::%d: %w (got %q)", key, i, err, v)
		}
		if begin, ok := strings.CutSuffix(v, "*"); ok {
			c.begins = append(c.begins, begin)
		} else {
			c.exact[v] = struct{}{}
		}
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
	return fmt.Errorf("%s: session_id::attributes and the matches of policies may name %d attributes beside the ones that are always read (got %q in excess)",
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
next:
	for i := range conditions {
		c := &conditions[i]
		for _, f := range places {
			if f.has(c.slot) {
				if c.match(f.values[c.slot%maxSlots]) {
					continue next
				}
				return false
			}
		}
		return false
	}
	return true
}

// match compares strings, and ints and bools as they are written.
func (c *condition) match(v pcommon.Value) bool {
	switch v.Type() {
	case pcommon.ValueTypeStr:
		s := v.Str()
		if _, ok := c.exact[s]; ok {
			return true
		}
		for _, begin := range c.begins {
			if strings.HasPrefix(s, begin) {
				return true
			}
		}
	case pcommon.ValueTypeInt:
		var buf [20]byte
		return c.matchBytes(strconv.AppendInt(buf[:0], v.Int(), 10))
	case pcommon.ValueTypeBool:
		var buf [5]byte
		return c.matchBytes(strconv.AppendBool(buf[:0], v.Bool()))
	}
	return false
}

func (c *condition) matchBytes(b []byte) bool {
	if _, ok := c.exact[string(b)]; ok {
		return true
	}
	for _, begin := range c.begins {
		if len(b) >= len(begin) && string(b[:len(begin)]) == begin {
			return true
		}
	}
	return false
}
