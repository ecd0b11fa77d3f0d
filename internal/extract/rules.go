package extract

import (
	"errors"
	"fmt"
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

type ruleSet []rule

func newRuleSet(key string, rules []Rule, keys *keyTable) (set ruleSet, err error) {
	var errs []error
	for i := range rules {
		r, err := newRule(fmt.Sprintf("%s::%d", key, i), &rules[i], keys)
		if err != nil {
			errs = append(errs, err)
		}
		set = append(set, r)
	}
	return set, errors.Join(errs...)
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

// fits reports whether one of the rules does.
func (s ruleSet) fits(q *subject) bool {
	for i := range s {
		if s[i].fits(q) {
			return true
		}
	}
	return false
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
	exempt, passive, streams, foreground ruleSet
	rejected, indeterminate              ruleSet
	// tails are those of routes that one of them names, unless there is one that
	// names none: then every request is looked at.
	tails tailFilter
	every bool
	// exceptions: one of them asks for those of a span.
	exceptions bool
}

func newRules(cfg *Config, keys *keyTable) (r rules, err error) {
	var errs []error
	for _, list := range []struct {
		key string
		cfg []Rule
		set *ruleSet
	}{
		{"exempt", cfg.Exempt, &r.exempt},
		{"passive", cfg.Passive, &r.passive},
		{"streams", cfg.Streams, &r.streams},
		{"foreground", cfg.Foreground, &r.foreground},
		{"outcomes::rejected", cfg.Outcomes.Rejected, &r.rejected},
		{"outcomes::indeterminate", cfg.Outcomes.Indeterminate, &r.indeterminate},
	} {
		set, err := newRuleSet(list.key, list.cfg, keys)
		errs = append(errs, err)
		*list.set = set
		for i := range set {
			r.look(&set[i])
		}
	}
	return r, errors.Join(errs...)
}

// look lets requests pass that r may fit.
func (r *rules) look(x *rule) {
	r.exceptions = r.exceptions || slices.ContainsFunc(x.conditions, func(c condition) bool { return c.exceptions })
	if x.routes == nil {
		r.every = true
		return
	}
	r.tails.addSet(x.routes)
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

// mayFit reports, quickly, whether it is worth while to ask which rules fit a
// request with this route, or with this path.
func (w *walk) mayFit(route string, isPath bool) bool {
	r := &w.x.rules
	return r.every || r.tails.passes(route) || isPath && strings.IndexByte(route, '.') >= 0
}

// classify says which rules fit. The route has no parameters any more.
func (w *walk) classify(q *request, method, route string, isPath bool) (c requestClass) {
	rpc := w.record.str(slotRPCMethod)
	if !w.mayFit(route, isPath) && (rpc == "" || len(rpc) >= tailSize && !w.x.rules.tails.passes(rpc)) {
		return 0
	}
	s := subject{method: method, places: [...]*found{&w.record, &w.scope, &w.resource}}
	if isPath {
		s.route = newPathParts(route)
	} else {
		s.route = newRouteParts(route)
	}
	if rpc != "" {
		s.rpc = w.rpcParts(rpc)
	}
	r := &w.x.rules
	if r.exceptions && !q.flags.Has(fact.FromLog) {
		s.span, s.isSpan = w.spanRecord, true
	}
	for _, set := range [...]struct {
		rules ruleSet
		class requestClass
	}{
		{r.exempt, isExempt},
		{r.passive, isPassive},
		{r.streams, isStream},
		{r.foreground, isForeground},
		{r.rejected, isRejected},
		{r.indeterminate, isIndeterminate},
	} {
		if set.rules.fits(&s) {
			c |= set.class
		}
	}
	w.fitting = 0
	for i := range w.x.events.byRequest {
		if w.x.events.byRequest[i].rule.fits(&s) {
			w.fitting |= 1 << i
			c |= isEvent
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
