package extract

import (
	"math/bits"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/fact"
	"github.com/otelcol-session/otelcol-session/internal/findinglog"
)

// maxDetail is the longest string in bytes that a fact quotes.
const maxDetail = fact.MaxText

// walk is one pass over a batch of telemetry: where it stands and what it
// knows there. It lives on the stack of Traces or Logs.
type walk struct {
	x *Extractor
	b *Batch

	ref      Ref
	service  *fact.Resource // of the current record, see speakFor
	seen     *Seen
	base     int                     // the index of the resource as it is
	without  [1 << resourceTexts]int // without some of its texts, where there is such a one
	texts    [resourceTexts]string   // as they came
	longest  int                     // of texts
	oddTexts bool                    // one of them has a percent sign
	reach    int                     // the length of the longest id that may be in one, see mayShow
	resource found
	scope    found
	record   found
	// spanRecord is the record, where it is a span.
	spanRecord ptrace.Span
	who        whom      // whom it shows, and
	larger     fact.Name // which session it is a part of, where it may name others
	fitting    uint64    // the events by request that the current one is, by bits

	resourceID, resourceUser whom
	scopeID, scopeUser       whom // the resource's if the scope has none
	scopeKey                 fact.ID
	others                   bool     // the scope or the resource may name others than a session
	policies, rules          standing // what records of the scope fit
	policy                   uint8    // of those that show nothing a policy looks at
}

// enterResource reports whether the resource is one of those that are believed.
func (w *walk) enterResource(i int, r pcommon.Resource) bool {
	attributes := r.Attributes()
	f := &w.resource
	w.x.keys.collect(attributes, f)
	if f.str(slotSDKLanguage) == "webjs" || isUserAgent(attributes) {
		return false
	}
	w.ref = Ref{Resource: int32(i)}
	w.texts = [...]string{
		f.str(slotServiceName), f.str(slotServiceNamespace), f.str(slotServiceInstance), f.strOr(slotEnvironment, slotEnvironmentOld),
	}
	b, quoted := w.b, fact.Resource{}
	w.longest, w.oddTexts = 0, false
	for i, to := range textsOf(&quoted) {
		*to = fact.Clean(w.texts[i])
		w.oddTexts = w.oddTexts || strings.IndexByte(w.texts[i], '%') >= 0
		w.longest = max(w.longest, len(w.texts[i]))
	}
	w.base = b.add(quoted)
	b.current, w.service, w.seen = w.base, &b.Resources[w.base], &b.Seen[w.base]
	w.without = [1 << resourceTexts]int{}
	w.resourceID, w.resourceUser = whom{}, whom{}
	w.x.sessions.first(&w.resourceID, f, &w.x.sessionRules, b)
	w.x.users.first(&w.resourceUser, f, &w.x.userRules, b)
	return true
}

// isUserAgent reports whether attributes are of what a user holds in his hands:
// a browser or a device. Its clock and its content are the user's.
func isUserAgent(attributes pcommon.Map) bool {
	for name := range attributes.All() {
		if strings.HasPrefix(name, "browser.") || strings.HasPrefix(name, "device.") {
			return true
		}
	}
	return false
}

// enterScope reports whether what is in the scope may be facts: our own findings
// are none.
func (w *walk) enterScope(j int, s pcommon.InstrumentationScope) bool {
	if s.Name() == findinglog.Scope {
		return false
	}
	w.ref.Scope = int32(j)
	w.x.keys.collect(s.Attributes(), &w.scope)
	w.scopeID, w.scopeUser = whom{}, whom{}
	if !w.x.sessions.first(&w.scopeID, &w.scope, &w.x.sessionRules, w.b) {
		w.scopeID = w.resourceID
	}
	if !w.x.users.first(&w.scopeUser, &w.scope, &w.x.userRules, w.b) {
		w.scopeUser = w.resourceUser
	}
	w.others = (w.scope.seen|w.resource.seen)&w.x.otherMask != 0
	w.scopeID.inherited, w.scopeID.plain = true, 0
	w.scopeUser.inherited, w.scopeUser.plain = true, 0
	if w.scopeID.reason == usable {
		w.scopeKey = w.x.hash.session.id(w.scopeID.raw)
	}
	w.x.policies.stand(&w.policies, &w.scope, &w.resource)
	w.policy = firstOf(w.policies.fits)
	w.x.rules.index.stand(&w.rules, &w.scope, &w.resource)
	w.setReach()
	return true
}

// sessionID is that of the record, else of its scope, else of its resource.
//
// Almost always it is a text where the first source says, so that is looked at
// first, and without a call.
func (w *walk) sessionID(id *whom) {
	s, r := &w.x.sessions.sources[0], &w.x.sessionRules
	if w.record.has(s.slot) && s.picker == nil {
		raw := w.record.values[s.slot%maxSlots].Str()
		if raw != "" && len(raw) <= maxIDSize && r.hashed == nil {
			id.flags, id.plain, id.raw, id.reason = s.flags, 1<<(s.slot%maxSlots), raw, usable
			if r.mayBePlaceholder(raw) && r.isPlaceholder(raw) {
				id.reason = SessionIDPlaceholder
			}
			return
		}
	}
	if !w.x.sessions.first(id, &w.record, &w.x.sessionRules, w.b) {
		*id = w.scopeID
	}
}

// user is whom the record shows, else its scope, else its resource.
func (w *walk) user(user *whom) {
	if !w.x.users.first(user, &w.record, &w.x.userRules, w.b) {
		*user = w.scopeUser
	}
}

// named is whom sources of their own name, on the record, its scope or its resource.
func (w *walk) named(n *whom, sources *sourceList, ids *idRules) {
	*n = nobody
	for _, f := range [...]*found{&w.record, &w.scope, &w.resource} {
		if sources.first(n, f, ids, w.b) {
			n.plain = 0
			return
		}
	}
}

// linked is the larger session that the record names, unless that is its own.
func (w *walk) linked(own string) fact.Name {
	l := &w.x.linked
	if (w.record.seen|w.scope.seen|w.resource.seen)&l.mask == 0 {
		return fact.Name{}
	}
	var n whom
	w.named(&n, l, &w.x.sessionRules)
	if n.reason != usable || n.raw == own {
		return fact.Name{}
	}
	return w.x.sessionName(n.raw)
}

func (x *Extractor) sessionName(raw string) fact.Name {
	return fact.Name{ID: x.hash.session.id(raw), Raw: raw}
}

// identify writes whose record f is.
func (w *walk) identify(f *fact.Fact, id *whom) {
	f.Session.Raw = id.raw
	if id.inherited {
		f.Session.ID = w.scopeKey
		return
	}
	f.Session.ID[0], f.Session.ID[1] = w.x.hash.session.hash(id.raw)
}

// identifyUser writes whom f shows.
func (x *Extractor) identifyUser(f *fact.Fact, user *whom) {
	f.User.Raw = user.raw
	f.User.ID[0], f.User.ID[1] = x.hash.user.hash(user.raw)
	f.UserSource = user.number
	f.Flags |= user.flags
}

// namedBy is the session id that a record with these attributes, or what it belongs
// to, has, if that is usable: of those that are no facts all the same.
func (w *walk) namedBy(attributes pcommon.Map) (id string, ok bool) {
	if w.x.idKeys.collect(attributes, &w.record); w.record.seen == 0 {
		return w.scopeID.raw, w.scopeID.reason == usable
	}
	first := w.record.values[bits.TrailingZeros64(w.record.seen)%maxSlots]
	w.record.seen = 0 // nothing else of it is looked at
	id, reason := wholeOf(first, &w.x.sessionRules, w.b)
	return id, reason == usable
}

// fact appends one from the current record.
func (w *walk) fact(kind fact.Kind) *fact.Fact {
	b := w.b
	b.Refs = append(b.Refs, w.ref)
	n := len(b.Facts)
	if n < cap(b.Facts) {
		b.Facts = b.Facts[:n+1] // zero already, see Batch.Reset
	} else {
		b.Facts = append(b.Facts, fact.Fact{})
	}
	f := &b.Facts[n]
	f.Kind, f.Resource = kind, w.service
	return f
}

// clip shortens s to what a fact quotes, between characters.
func clip(s string) string {
	if len(s) > maxDetail {
		return clipped(s)
	}
	return s
}

func clipped(s string) string {
	n := maxDetail
	for n > maxDetail-utf8.UTFMax && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
