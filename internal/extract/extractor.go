package extract

import (
	"errors"
	"fmt"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Extractor turns telemetry into facts. Safe for concurrent use, given a Batch
// for each.
type Extractor struct {
	keys      *keyTable
	idSources []idSource // in configured order
	idMask    uint64     // their slots
	idNames   []string
	// secretMask are all slots of ids of sessions and users, cookieMask those of
	// Cookie headers.
	secretMask, cookieMask uint64
	hash                   hasher
	policies               policyMatcher
	events                 eventKinds
	exempt                 requestSet
	passive                requestSet
	streams                *routeSet
	tails                  tailFilter // of what may be exempt, passive or a stream

	methodLengths uint64 // bit n: an exempt or passive method's length is n, modulo its width
	logins        *routeSet
	slack         int64
}

// New returns an extractor, or all that is wrong with cfg.
func New(cfg Config) (*Extractor, error) {
	x := &Extractor{keys: newKeyTable(), slack: int64(cfg.LogRequestSlack)}
	var errs []error
	check := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	check(x.addSessionID(cfg.SessionID))
	var err error
	x.policies, err = newPolicyMatcher(cfg.Policies, x.keys)
	check(err)
	x.events, err = newEventKinds(cfg.Events)
	check(err)
	x.exempt, err = newRequestSet("exempt", cfg.Exempt)
	check(err)
	x.passive, err = newRequestSet("passive", cfg.Passive)
	check(err)
	x.streams, err = newRouteSet("streams::routes", cfg.Streams.Routes)
	check(err)
	x.logins, err = newRouteSet("login_locations", cfg.LoginLocations)
	check(err)
	if cfg.LogRequestSlack < 0 {
		check(fmt.Errorf("log_request_slack: must not be negative (got %v)", cfg.LogRequestSlack))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	for _, r := range []*routeSet{x.exempt.routes, x.passive.routes, x.streams} {
		x.tails.addSet(r)
	}
	for _, m := range []methodSet{x.exempt.methods, x.passive.methods} {
		for _, method := range m {
			x.methodLengths |= 1 << (len(method) % 64)
		}
	}
	return x, nil
}

func (x *Extractor) addSessionID(cfg SessionID) error {
	var errs []error
	if len(cfg.Attributes) == 0 {
		errs = append(errs, fmt.Errorf("session_id::attributes: must name at least one attribute (got %q)", cfg.Attributes))
	}
	for i, name := range cfg.Attributes {
		key := fmt.Sprintf("session_id::attributes::%d", i)
		if name == "" {
			errs = append(errs, fmt.Errorf("%s: must not be empty (got %q)", key, name))
			continue
		}
		s, ok := x.keys.add(name)
		switch {
		case !ok:
			errs = append(errs, tooManyNames(key, name))
			continue
		case x.idMask>>s&1 != 0:
			errs = append(errs, fmt.Errorf("%s: must not come twice (got %q)", key, name))
			continue
		}
		source := idSource{slot: s}
		if isPresented(name) {
			source.flags = fact.Presented
		}
		x.idSources = append(x.idSources, source)
		x.idNames = append(x.idNames, name)
		x.idMask |= 1 << s
		if strings.EqualFold(name, "http.request.header.cookie") {
			x.cookieMask |= 1 << s
		}
	}
	x.secretMask = x.idMask | userSlots | 1<<slotPreviousID
	if n := len(cfg.HashKey); n < minHashKey {
		errs = append(errs, fmt.Errorf("session_id::hash_key: must have at least %d bytes (got %d)", minHashKey, n))
	}
	x.hash = newHasher(cfg)
	return errors.Join(errs...)
}
