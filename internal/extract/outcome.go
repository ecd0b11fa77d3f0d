package extract

import (
	"math"
	"strconv"

	"go.opentelemetry.io/collector/pdata/pcommon"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// outcome says what became of a request: what a rule says, and else its codes.
func (x *Extractor) outcome(f *found, httpStatus int32, q *request, c requestClass) fact.Outcome {
	switch {
	case c.has(isRejected):
		return fact.Rejected
	case c.has(isIndeterminate):
		return fact.Indeterminate
	case q.flags.Has(fact.Consumer):
		return x.consumerOutcome(f, httpStatus, q.statusError)
	}
	return x.codeOutcome(f, httpStatus, q.statusError)
}

// codeOutcome is that of the codes: never of the status of a SERVER span, which
// stays unset on 4xx, but for an RPC whose system has codes for errors only.
func (x *Extractor) codeOutcome(f *found, httpStatus int32, statusError bool) fact.Outcome {
	o, ok := fact.Outcome(0), false
	if f.any(rpcStatusSlots) {
		o, ok = rpcOutcome(f)
	}
	if !ok {
		if httpStatus == 0 && f.any(rpcSystemSlots) && hasErrorCodesOnly(f) && !statusError {
			o = fact.Served
		} else {
			o = x.httpOutcome(f, httpStatus)
		}
	}
	if o == fact.Served && f.has(slotErrorType) && hasErrorType(f) {
		return fact.Indeterminate // it may never have left
	}
	return o
}

// consumerOutcome is that of a CONSUMER span: work that was done without an
// error, unless a code says that the session was refused.
func (x *Extractor) consumerOutcome(f *found, httpStatus int32, statusError bool) fact.Outcome {
	switch {
	case x.codeOutcome(f, httpStatus, true) == fact.Rejected:
		return fact.Rejected
	case statusError || hasErrorType(f):
		return fact.Indeterminate
	}
	return fact.Served
}

// succeeded reports whether the codes of a request that is no CONSUMER's say so, as
// an event by request asks: a redirect is a success, too, wherever it leads to.
func (x *Extractor) succeeded(f *found, httpStatus int32) bool {
	if hasErrorType(f) {
		return false
	}
	if f.any(rpcStatusSlots) {
		if o, ok := rpcOutcome(f); ok {
			return o == fact.Served
		}
	}
	return httpStatus >= 200 && httpStatus < 300 || isRedirect(httpStatus)
}

// isLoginRedirect reports whether the answer leads to a login.
func (x *Extractor) isLoginRedirect(f *found, httpStatus int32) bool {
	return isRedirect(httpStatus) && x.logins.matchLocation(f.header(slotLocation))
}

const rpcSystemSlots = 1<<slotRPCSystem | 1<<slotRPCSystemOld

// hasErrorCodesOnly reports whether the conventions give a code for errors only: to
// every system but gRPC and Connect.
func hasErrorCodesOnly(f *found) bool {
	system := f.strOr(slotRPCSystem, slotRPCSystemOld)
	return system != "" && !equalFold(system, "grpc") && !hasPrefixFold(system, "connect")
}

func (x *Extractor) httpOutcome(f *found, status int32) fact.Outcome {
	switch {
	case status >= 200 && status < 300, status == 101:
		return fact.Served
	case status == 401, status == 419, status == 440:
		return fact.Rejected
	case x.isLoginRedirect(f, status):
		return fact.Rejected
	}
	return fact.Indeterminate
}

func isRedirect(status int32) bool {
	switch status {
	case 301, 302, 303, 307, 308:
		return true
	}
	return false
}

func hasErrorType(f *found) bool {
	return f.has(slotErrorType) && (f.values[slotErrorType].Type() != pcommon.ValueTypeStr || f.values[slotErrorType].Str() != "")
}

// The gRPC codes that say anything.
const (
	grpcOK              = 0
	grpcUnauthenticated = 16
)

const rpcStatusSlots = 1<<slotRPCStatus | 1<<slotRPCStatusOld | 1<<slotCodeOld | 1<<slotRPCErrorOld

// rpcOutcome is that of the first RPC status there is; false without one.
func rpcOutcome(f *found) (fact.Outcome, bool) {
	for _, s := range [...]slot{slotRPCStatus, slotRPCStatusOld, slotCodeOld} {
		if !f.has(s) {
			continue
		}
		v := f.values[s]
		text := v.Str()
		if text == "" && (v.Type() == pcommon.ValueTypeStr || v.Type() == pcommon.ValueTypeEmpty) {
			continue
		}
		code, ok := number(v)
		switch {
		case ok && code == grpcOK, equalFold(text, "ok"):
			return fact.Served, true
		case ok && code == grpcUnauthenticated, equalFold(text, "unauthenticated"):
			return fact.Rejected, true
		}
		return fact.Indeterminate, true
	}
	return fact.Indeterminate, f.has(slotRPCErrorOld)
}

// httpStatus is the response status; 0 without one that can be read. Almost always
// it is an int.
func httpStatus(f *found) int32 {
	if f.has(slotStatus) {
		if code := f.values[slotStatus].Int(); code > 0 && code < 1000 {
			return int32(code)
		}
	}
	if status := statusAt(f, slotStatus); status != 0 {
		return status
	}
	return statusAt(f, slotStatusOld)
}

func statusAt(f *found, s slot) int32 {
	if !f.has(s) {
		return 0
	}
	code, ok := number(f.values[s%maxSlots])
	if !ok || code < 0 || code >= 1000 {
		return 0
	}
	return int32(code)
}

// number reads a whole number: an int, a double (what parsers of JSON make of
// an int) or digits.
func number(v pcommon.Value) (int64, bool) {
	switch v.Type() {
	case pcommon.ValueTypeInt:
		return v.Int(), true
	case pcommon.ValueTypeDouble:
		d := v.Double()
		return int64(d), d == math.Trunc(d) && math.Abs(d) < 1<<53
	case pcommon.ValueTypeStr:
		return digits(v.Str())
	}
	return 0, false
}

// digits reads up to nine decimal digits.
func digits(s string) (int64, bool) {
	if s == "" || len(s) > 9 {
		return 0, false
	}
	var n int64
	for i := range len(s) {
		c := s[i] - '0'
		if c > 9 {
			return 0, false
		}
		n = n*10 + int64(c)
	}
	return n, true
}

// seconds reads a duration in seconds as nanoseconds: a number or its text,
// not negative and less than limit.
func seconds(v pcommon.Value, limit int64) (int64, bool) {
	var d float64
	switch v.Type() {
	case pcommon.ValueTypeInt:
		d = float64(v.Int())
	case pcommon.ValueTypeDouble:
		d = v.Double()
	case pcommon.ValueTypeStr:
		s := v.Str()
		if s == "" || len(s) > 32 || s[0] != '.' && s[0]-'0' > 9 {
			return 0, false
		}
		var err error
		if d, err = strconv.ParseFloat(s, 64); err != nil {
			return 0, false
		}
	default:
		return 0, false
	}
	d = math.Round(d * 1e9)
	if !(d >= 0 && d < float64(limit)) {
		return 0, false
	}
	return int64(d), true
}
