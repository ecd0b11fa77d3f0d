package extract

import (
	"errors"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

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

// newPolicies reads what policies match. The first whose bit is set governs.
func newPolicies(policies []PolicyMatch, keys *keyTable) (matchIndex, error) {
	var errs []error
	if len(policies) > fact.MaxPolicies {
		errs = append(errs, fmt.Errorf("policies: must be no more than %d (got %d)", fact.MaxPolicies, len(policies)))
	}
	var matches [][]condition
	for i, p := range policies {
		conditions, err := newConditions(fmt.Sprintf("policies::%d::match", i), p.Match, keys)
		errs = append(errs, err)
		matches = append(matches, conditions)
	}
	return newMatchIndex(matches), errors.Join(errs...)
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
	s, ok := keys.addHeader(name)
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

// firstOf is the policy of the first bit.
func firstOf(fits uint64) uint8 {
	if fits == 0 {
		return fact.NoPolicy
	}
	return uint8(bits.TrailingZeros64(fits))
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
	if v.Type() != pcommon.ValueTypeSlice {
		return c.matchOne(v)
	}
	elements := v.Slice()
	for i := range elements.Len() {
		if c.matchOne(elements.At(i)) {
			return true
		}
	}
	return false
}

func (c *condition) matchOne(v pcommon.Value) bool {
	var buf scalarText
	text, ok := buf.of(v)
	return ok && c.matchText(text)
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

// values are those that c lists as they are.
func (c *condition) values() []string {
	return slices.AppendSeq(slices.Clone(c.few), maps.Keys(c.many))
}

// scalarText has room for a number as text.
type scalarText [32]byte

// of is a text, or a number or a bool as it is written: as long as b is there.
func (b *scalarText) of(v pcommon.Value) (string, bool) {
	var text []byte
	switch v.Type() {
	case pcommon.ValueTypeStr:
		return v.Str(), true
	case pcommon.ValueTypeInt:
		text = strconv.AppendInt(b[:0], v.Int(), 10)
	case pcommon.ValueTypeDouble:
		text = strconv.AppendFloat(b[:0], v.Double(), 'f', -1, 64)
	case pcommon.ValueTypeBool:
		text = strconv.AppendBool(b[:0], v.Bool())
	default:
		return "", false
	}
	return unsafe.String(unsafe.SliceData(text), len(text)), true
}
