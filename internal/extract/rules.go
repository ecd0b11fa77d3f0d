package extract

import (
	"errors"
	"fmt"
	"math/bits"
	"slices"
	"strings"
	"unsafe"

	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// exceptionType is the attribute that a span's exception events have, too.
const exceptionType = "exception.type"

// rule is a [Rule] as it is asked.
type rule struct {
	methods    methodSet
	routes     *routeSet // nil: any
	conditions []condition
}

func newRule(key string, cfg *Rule, keys *keyTable) (r rule, err error) {
	var errs [3]error
	if len(cfg.Methods)+len(cfg.Routes)+len(cfg.Match) == 0 {
		return r, fmt.Errorf("%s: must name methods, routes or a match, since without any it fits every request (got none)", key)
	}
	r.methods, errs[0] = newMethodSet(key+"::methods", cfg.Methods)
	if len(cfg.Routes) > 0 {
		r.routes, errs[1] = newRouteSet(key+"::routes", cfg.Routes)
	}
	r.conditions, errs[2] = newConditions(key+"::match", cfg.Match, keys)
	return r, errors.Join(errs[:]...)
}

// subject is a request as rules look at it.
type subject struct {
	method     string
	route, rpc routeParts
	places     [3]*found
	span       ptrace.Span // of which exception events are looked at
	isSpan     bool
}

// fits reports whether all that r names does.
func (r *rule) fits(q *subject) bool {
	if r.methods != nil && !r.methods.match(q.method) {
		return false
	}
	if r.routes != nil && !r.routes.match(&q.route) && !r.routes.match(&q.rpc) {
		return false
	}
	for i := range r.conditions {
		c := &r.conditions[i]
		if !c.fits(q.places[:]) && !(c.exceptions && q.isSpan && c.fitsException(q.span)) {
			return false
		}
	}
	return true
}

// fitsException reports whether an exception event of the span has one of the values.
func (c *condition) fitsException(s ptrace.Span) bool {
	events := s.Events()
	for i := range events.Len() {
		e := events.At(i)
		if e.Name() != "exception" {
			continue
		}
		if v, ok := e.Attributes().Get(exceptionType); ok && c.match(v) {
			return true
		}
	}
	return false
}

// rules are all that requests are told apart by, but for policies.
type rules struct {
	all   []classRule
	index matchIndex // of their conditions
	// routed, by the bits of the index, are those that name routes, which pass the
	// filter.
	routed uint64
	routes routeFilter
	// exceptional are those that ask for a span's exceptions, too.
	exceptional uint64
}

// classRule is a rule and what fits it.
type classRule struct {
	rule
	class requestClass
	event int // of a rule that says an event, its index
}

func newRules(cfg *Config, keys *keyTable) (r rules, err error) {
	var errs []error
	for _, list := range []struct {
		key   string
		rules []Rule
		class requestClass
	}{
		{"exempt", cfg.Exempt, isExempt},
		{"passive", cfg.Passive, isPassive},
		{"streams", cfg.Streams, isStream},
		{"foreground", cfg.Foreground, isForeground},
		{"outcomes::rejected", cfg.Outcomes.Rejected, isRejected},
		{"outcomes::indeterminate", cfg.Outcomes.Indeterminate, isIndeterminate},
	} {
		for i := range list.rules {
			x, err := newRule(fmt.Sprintf("%s::%d", list.key, i), &list.rules[i], keys)
			errs = append(errs, err)
			r.all = append(r.all, classRule{rule: x, class: list.class})
		}
	}
	return r, errors.Join(errs...)
}

// addEvent adds the rule of the next event by request.
func (r *rules) addEvent(x *rule) {
	n := 0
	if last := len(r.all) - 1; last >= 0 && r.all[last].class == isEvent {
		n = r.all[last].event + 1
	}
	r.all = append(r.all, classRule{rule: *x, class: isEvent, event: n})
}

// finish makes what is asked first of the rules that there are.
func (r *rules) finish() {
	var matches [][]condition
	for i := range r.all {
		x, bit := &r.all[i], uint64(1)<<min(i, lastBit)
		conditions := x.conditions
		if slices.ContainsFunc(conditions, func(c condition) bool { return c.exceptions }) {
			r.exceptional |= bit
		}
		matches = append(matches, conditions)
		if x.routes != nil {
			r.routed |= bit
			r.routes.add(x.routes)
		}
	}
	r.index = newMatchIndex(matches)
	if len(matches) > lastBit+1 {
		r.routed &^= 1 << lastBit // not all of those may name routes
	}
}

// requestClass is which rules fit a request.
type requestClass uint8

const (
	isExempt requestClass = 1 << iota
	isPassive
	isStream
	isForeground
	isRejected
	isIndeterminate
	isEvent // one of walk.fitting
)

func (c requestClass) has(want requestClass) bool { return c&want != 0 }

// of is what a request with these flags has when its class is known.
func (c requestClass) of(flags fact.Flags) fact.Flags {
	if c.has(isExempt) {
		flags |= fact.Exempt
	}
	if c.has(isPassive) {
		flags |= fact.Passive
	}
	if c.has(isStream) {
		flags |= fact.Stream
	}
	if c.has(isForeground) {
		flags &^= fact.Consumer
	}
	return flags
}

// class says which of the rules fit a request, of which almost always none does. The
// route and the path have no parameters any more, template is the route as it came.
func (w *walk) class(q *request, template, route, path string) requestClass {
	x, r := &w.x.rules, &w.record
	may := w.rules.fits
	if r.any(x.index.mask) {
		may = x.index.fitting(&w.rules, r)
	}
	if x.exceptional != 0 && !q.flags.Has(fact.FromLog) && w.spanRecord.Events().Len() > 0 {
		may |= x.exceptional
	}
	if may == 0 {
		return 0
	}
	isPath := template == "" || !isNamed(template) && isAny(template)
	if isPath {
		route = path
	}
	if !x.routes.passes(route) && !(isPath && hasScript(path)) &&
		!(r.has(slotRPCMethod) && x.routes.passesRPC(r.str(slotRPCMethod))) {
		if may &^= x.routed; may == 0 {
			return 0
		}
	}
	return w.classify(q, route, isPath, may)
}

// classify says which of the rules fit that may. The route has no parameters any
// more.
func (w *walk) classify(q *request, route string, isPath bool, may uint64) (c requestClass) {
	r := &w.x.rules
	s := subject{method: w.record.strOr(slotMethod, slotMethodOld), places: [...]*found{&w.record, &w.scope, &w.resource}}
	if may&(r.routed|1<<lastBit) != 0 {
		if isPath {
			s.route = newPathParts(route)
		} else {
			s.route = newRouteParts(route)
		}
		if rpc := w.record.str(slotRPCMethod); rpc != "" {
			s.rpc = w.rpcParts(rpc)
		}
	}
	if r.exceptional != 0 && !q.flags.Has(fact.FromLog) {
		s.span, s.isSpan = w.spanRecord, true
	}
	w.fitting = 0
	for ; may != 0; may &= may - 1 {
		from := bits.TrailingZeros64(may)
		to := from + 1
		if from == lastBit {
			to = len(r.all)
		}
		for i := from; i < to; i++ {
			if x := &r.all[i]; x.fits(&s) {
				c |= x.class
				if x.class == isEvent {
					w.fitting |= 1 << x.event
				}
			}
		}
	}
	return c
}

// rpcParts are those of /service/method, which today's rpc.method is without the
// first slash, and of which it used to be the last part.
func (w *walk) rpcParts(method string) routeParts {
	b := append(w.b.route[:0], '/')
	method = strings.TrimLeft(method, "/")
	if service := w.record.str(slotRPCService); service != "" && strings.IndexByte(method, '/') < 0 {
		b = append(append(b, service...), '/')
	}
	b = append(b, method...)
	w.b.route = b
	full := unsafe.String(unsafe.SliceData(b), len(b))
	segment := full[strings.LastIndexByte(full, '/')+1:]
	return routeParts{full: full, segment: segment, name: segment}
}
