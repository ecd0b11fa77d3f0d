package extract

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Sources are asked in order. One that is not there names nobody, and the next
// is asked; one that is there and unusable names nobody, and no other is asked.
type Sources []Source

// Source is where an id is: an attribute, or something in it.
type Source struct {
	// Attribute: behind http.request.header. and http.response.header. a hyphen and
	// an underscore are the same. Of a list, the first element that names somebody counts.
	Attribute string `mapstructure:"attribute"`
	// Cookie, Claim and PathParameter, one at most, are what of the attribute is
	// the id: a cookie of a Cookie header, a claim of a JSON Web Token, a
	// parameter of a path.
	Cookie        string `mapstructure:"cookie,omitempty"`
	Claim         string `mapstructure:"claim,omitempty"`
	PathParameter string `mapstructure:"path_parameter,omitempty"`
	// StripPrefix, Until and Decode, in this order, are what is cut off in front,
	// at the first of which characters the rest is, and how what is left is
	// encoded (base64, base64url).
	StripPrefix string `mapstructure:"strip_prefix,omitempty"`
	Until       string `mapstructure:"until,omitempty"`
	Decode      string `mapstructure:"decode,omitempty"`
	// Pick is which of several cookies of one name counts: first, or last.
	Pick string `mapstructure:"pick,omitempty"`
	// Presented: the client said so. By default that is so of request headers,
	// metadata and messages' headers, of cookies but those of a response, and of
	// claims and path parameters.
	Presented *bool `mapstructure:"presented,omitempty"`
}

// presentedPrefixes are of attributes that hold what the client sent.
var presentedPrefixes = [...]string{
	requestHeader,
	"rpc.request.metadata.", "rpc.grpc.request.metadata.", "rpc.connect_rpc.request.metadata.",
	"messaging.header.",
}

const (
	requestHeader  = "http.request.header."
	responseHeader = "http.response.header."
)

// IsPresented reports whether what s names is what the client said.
func (s *Source) IsPresented() bool {
	switch {
	case s.Presented != nil:
		return *s.Presented
	case s.Claim != "", s.PathParameter != "":
		return true
	case strings.HasPrefix(s.Attribute, responseHeader):
		return false
	case s.Cookie != "":
		return true
	}
	return slices.ContainsFunc(presentedPrefixes[:], func(prefix string) bool { return strings.HasPrefix(s.Attribute, prefix) })
}

// same reports whether s and o are asked for the same.
func (s *Source) same(o *Source) bool {
	return unhyphened(s.Attribute) == unhyphened(o.Attribute) &&
		s.Cookie == o.Cookie && s.Claim == o.Claim && s.PathParameter == o.PathParameter
}

// reads reports whether s and o name the same.
func (s *Source) reads(o *Source) bool {
	return s.same(o) && s.StripPrefix == o.StripPrefix && s.Until == o.Until && s.Decode == o.Decode &&
		(s.Pick == pickLast) == (o.Pick == pickLast)
}

// equal reports whether s and o name the same and prove as much.
func (s *Source) equal(o *Source) bool { return s.reads(o) && s.IsPresented() == o.IsPresented() }

// unhyphened is name with one spelling of a header's.
func unhyphened(name string) string {
	prefix, header := cutHeader(name)
	if header == "" {
		return name
	}
	return prefix + strings.ReplaceAll(header, "-", "_")
}

// cutHeader is what stands before a header's name in an attribute's, and that. It
// is empty where there is none.
func cutHeader(name string) (prefix, header string) {
	for _, prefix := range [...]string{requestHeader, responseHeader} {
		if header, ok := strings.CutPrefix(name, prefix); ok {
			return prefix, header
		}
	}
	return name, ""
}

const (
	pickFirst = "first"
	pickLast  = "last"
)

var decodings = map[string]*base64.Encoding{"": nil, "base64": base64.RawStdEncoding, "base64url": base64.RawURLEncoding}

// validate returns what is wrong with s, which stands at key.
func (s *Source) validate(key string) (errs []error) {
	fail := func(at, format string, args ...any) { errs = append(errs, fmt.Errorf(key+at+": "+format, args...)) }
	if s.Attribute == "" {
		fail("::attribute", "must not be empty (got %q)", s.Attribute)
	}
	var parts []string
	for _, p := range []struct{ key, name, barred string }{
		{"cookie", s.Cookie, ";=, \t\""}, {"claim", s.Claim, ""}, {"path_parameter", s.PathParameter, ";=/?#"},
	} {
		if p.name == "" {
			continue
		}
		parts = append(parts, fmt.Sprintf("%s %q", p.key, p.name))
		if strings.ContainsAny(p.name, p.barred) {
			fail("::"+p.key, "must be a name, without any of %q (got %q)", p.barred, p.name)
		}
	}
	if len(parts) > 1 {
		fail("", "must name one of cookie, claim and path_parameter at most (got %s)", strings.Join(parts, ", "))
	}
	switch {
	case isHeader(s.Attribute, "cookie", "set-cookie", "set_cookie"):
		if len(parts) == 0 {
			fail("", "must name a cookie, since all of them together are another id with each change of any: {attribute: %s, cookie: NAME} (got %q)", s.Attribute, s.Attribute)
		} else if s.Cookie == "" {
			fail("", "must name a cookie, since nothing else is in them: {attribute: %s, cookie: NAME} (got %s)", s.Attribute, parts[0])
		}
	case s.Cookie != "" && isHeader(s.Attribute, "authorization", "proxy-authorization", "proxy_authorization"):
		fail("", "must not name a cookie, which is in another header: {attribute: http.request.header.cookie, cookie: %s} (got %q)", s.Cookie, s.Attribute)
	case s.PathParameter != "" && (s.Attribute == "http.route" || s.Attribute == "url.query"):
		fail("", "must not name a path parameter, which is in a path: {attribute: url.path, path_parameter: %s} (got %q)", s.PathParameter, s.Attribute)
	}
	if _, ok := decodings[s.Decode]; !ok {
		fail("::decode", "must be one of base64, base64url (got %q)", s.Decode)
	}
	switch {
	case s.Pick != "" && s.Pick != pickFirst && s.Pick != pickLast:
		fail("::pick", "must be one of first, last (got %q)", s.Pick)
	case s.Pick != "" && s.Cookie == "":
		fail("::pick", "must stand beside a cookie, of which there may be several (got %q)", s.Pick)
	}
	return errs
}

// isHeader reports whether an attribute holds one of these headers.
func isHeader(attribute string, names ...string) bool {
	for _, prefix := range append(presentedPrefixes[:], responseHeader) {
		if name, ok := strings.CutPrefix(strings.ToLower(attribute), prefix); ok {
			return slices.Contains(names, name)
		}
	}
	return false
}

// source is a [Source] as it is asked.
type source struct {
	slot   slot
	number uint8      // of a user's source: equal ones have one
	flags  fact.Flags // of what it names
	picker *picker    // nil: the whole value is the id
}

// sourceList are sources as they are asked.
type sourceList struct {
	sources []source
	mask    uint64 // their slots
}

// sourceReader makes lists of sources.
type sourceReader struct {
	keys    *keyTable
	plain   uint64   // the slots whose whole values are ids
	numbers []Source // of users, by their numbers
	errs    []error
}

// list reads sources. Those that the client presented are wrong where trusted says
// why.
func (r *sourceReader) list(key string, sources Sources, presented fact.Flags, trusted string) (l sourceList) {
	for i := range sources {
		s := &sources[i]
		at := fmt.Sprintf("%s::%d", key, i)
		if errs := s.validate(at); len(errs) > 0 {
			r.errs = append(r.errs, errs...)
			continue
		}
		if j := slices.IndexFunc(sources[:i], func(o Source) bool { return o.same(s) }); j >= 0 {
			r.errs = append(r.errs, fmt.Errorf("%s: must not come twice, since where %s::%d is there no other is asked (got %q)", at, key, j, s.Attribute))
			continue
		}
		if j := slices.IndexFunc(sources[:i], func(o Source) bool {
			return o.Attribute != "" && o.same(&Source{Attribute: s.Attribute})
		}); j >= 0 {
			r.errs = append(r.errs, fmt.Errorf("%s: must come before %s::%d, which takes the attribute whole, so that nothing in it is looked for (got %q)", at, key, j, s.Attribute))
			continue
		}
		// A claim is never an identity.
		said := s.IsPresented() || presented == fact.UserPresented && s.Claim != ""
		if trusted != "" && said {
			r.errs = append(r.errs, fmt.Errorf("%s: %s (got %q)", at, trusted, s.Attribute))
			continue
		}
		slot, ok := r.keys.addHeader(s.Attribute)
		if !ok {
			r.errs = append(r.errs, tooManyNames(at, s.Attribute))
			continue
		}
		x := source{slot: slot, picker: newPicker(s)}
		if presented == fact.UserPresented {
			x.number = r.number(s)
		}
		if said {
			x.flags = presented
		}
		if x.picker == nil || x.picker.kind == pickWhole {
			r.plain |= 1 << slot
		}
		l.sources = append(l.sources, x)
		l.mask |= 1 << slot
	}
	return l
}

// number is the same for sources of users that name the same.
func (r *sourceReader) number(s *Source) uint8 {
	i := slices.IndexFunc(r.numbers, func(o Source) bool { return o.equal(s) })
	if i < 0 {
		i = len(r.numbers)
		r.numbers = append(r.numbers, *s)
	}
	return uint8(min(i, 255))
}
