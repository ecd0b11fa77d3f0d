package findinglog

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// kind is how a value stands in an attribute. What read gets may be anything: it reports whether the value
// is one that write writes, and never panics.
type kind[T any] struct {
	write func(to pcommon.Value, v T)
	read  func(from pcommon.Value) (T, bool)
}

// text is cleaned by the record, before it is written and after it was read.
var text = kind[string]{
	write: func(to pcommon.Value, v string) { to.SetStr(v) },
	read:  func(from pcommon.Value) (string, bool) { return from.Str(), from.Type() == pcommon.ValueTypeStr },
}

var boolean = kind[bool]{
	write: func(to pcommon.Value, v bool) { to.SetBool(v) },
	read:  func(from pcommon.Value) (bool, bool) { return from.Bool(), from.Type() == pcommon.ValueTypeBool },
}

// count is 1 at least.
var count = kind[int]{
	write: func(to pcommon.Value, v int) { to.SetInt(int64(v)) },
	read: func(from pcommon.Value) (int, bool) {
		return int(min(from.Int(), math.MaxInt)), from.Int() >= 1 // of another type it is 0
	},
}

// status is that of a response.
var status = kind[int32]{
	write: func(to pcommon.Value, v int32) { to.SetInt(int64(v)) },
	read: func(from pcommon.Value) (int32, bool) {
		v := int32(from.Int())
		return v, from.Type() == pcommon.ValueTypeInt && int64(v) == from.Int()
	},
}

// pseudonym is written as 64 hex digits.
var pseudonym = kind[fact.Pseudonym]{
	write: func(to pcommon.Value, v fact.Pseudonym) { to.SetStr(hex.EncodeToString(v[:])) },
	read:  func(from pcommon.Value) (fact.Pseudonym, bool) { return ParsePseudonym(from.Str()) },
}

// findingID is written as 16 hex digits.
var findingID = kind[uint64]{
	write: func(to pcommon.Value, v uint64) { to.SetStr(fmt.Sprintf("%016x", v)) },
	read: func(from pcommon.Value) (uint64, bool) {
		id, err := strconv.ParseUint(from.Str(), 16, 64)
		return id, err == nil && len(from.Str()) == 16
	},
}

// named is one of count values, written by its name.
func named[T interface {
	~uint8
	String() string
}](count T) kind[T] {
	return kind[T]{
		write: func(to pcommon.Value, v T) { to.SetStr(v.String()) },
		read: func(from pcommon.Value) (T, bool) {
			for v := range count {
				if v.String() == from.Str() {
					return v, true
				}
			}
			return 0, false
		},
	}
}

// lastYear is the last of those that nanoseconds since 1970 can hold as a whole.
const lastYear = 2261

// instant is ns since the Unix epoch, written as RFC 3339.
var instant = kind[int64]{
	write: func(to pcommon.Value, ns int64) { to.SetStr(time.Unix(0, ns).UTC().Format(time.RFC3339Nano)) },
	read: func(from pcommon.Value) (int64, bool) {
		t, err := time.Parse(time.RFC3339Nano, from.Str())
		if err != nil || t.UTC().Year() < 1970 || t.UTC().Year() > lastYear {
			return 0, false
		}
		return t.UnixNano(), true
	},
}

// maxSeconds is what nanoseconds can hold.
const maxSeconds = float64(math.MaxInt64) / float64(time.Second)

// seconds is ns, 0 at least, written as a double of seconds. The double holds every nanosecond of 97 days;
// beyond them it is the nearest that there is. What no ns can hold is as many as can be.
func seconds[T ~int64]() kind[T] {
	return kind[T]{
		write: func(to pcommon.Value, ns T) { to.SetDouble(time.Duration(ns).Seconds()) },
		read: func(from pcommon.Value) (T, bool) {
			v := from.Double()
			switch {
			case from.Type() != pcommon.ValueTypeDouble, !(v >= 0), math.IsInf(v, 1): // NaN is not >= 0
				return 0, false
			case v >= maxSeconds:
				return math.MaxInt64, true
			}
			whole, part := math.Modf(v)
			return T(whole)*T(time.Second) + T(math.Round(part*float64(time.Second))), true
		},
	}
}
