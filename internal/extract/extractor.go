package extract

import (
	"errors"
	"fmt"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Extractor turns telemetry into facts. Safe for concurrent use, given a Batch
// for each.
type Extractor struct {
	keys *keyTable

	sessions, previous, linked, users sourceList
	sessionRules, userRules           idRules
	idKeys                            keyTable // attributes that are session ids, in their order
	// secretMask are the slots of attributes that are ids of sessions and users,
	// and sourceMask those in which one is looked for on every record.
	secretMask, sourceMask uint64
	// otherMask are the slots that may name others than a session.
	otherMask uint64
	hash      hasher
	presented presentedUsers

	policies matchIndex
	events   events
	rules    rules
	logins   *routeSet

	logAtStart bool
	slack      int64
}

// New returns an extractor, or all that is wrong with cfg.
func New(cfg Config) (*Extractor, error) {
	x := &Extractor{keys: newKeyTable(), logAtStart: cfg.LogAtStart, slack: int64(cfg.LogRequestSlack)}
	var errs []error
	check := func(err error) {
		if err != nil {
			errs = append(errs, err)
		}
	}
	reader := &sourceReader{keys: x.keys}
	check(x.addIDs(&cfg, reader))
	var err error
	x.policies, err = newPolicies(cfg.Policies, x.keys)
	check(err)
	x.rules, err = newRules(&cfg, x.keys)
	check(err)
	x.events, err = newEvents(&cfg.Events, x.keys, reader, x.users, x.rules.addEvent)
	check(err)
	x.rules.finish()
	check(errors.Join(reader.errs...))
	x.secretMask = reader.plain
	x.logins, err = newRouteSet("login_locations", cfg.LoginLocations)
	check(err)
	if cfg.LogRequestSlack < 0 {
		check(fmt.Errorf("log_request_slack: must not be negative (got %v)", cfg.LogRequestSlack))
	}
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return x, nil
}

// addIDs reads where ids are, and what is none.
func (x *Extractor) addIDs(cfg *Config, r *sourceReader) error {
	var errs []error
	if len(cfg.SessionID.Sources) == 0 {
		errs = append(errs, fmt.Errorf("session_id::sources: must have at least one source (got %d)", 0))
	}
	// Users come first: their sources' numbers are stored.
	x.users = r.list("user_id::sources", cfg.UserID.Sources, fact.UserPresented, "")
	x.sessions = r.list("session_id::sources", cfg.SessionID.Sources, fact.Presented, "")
	x.previous = r.list("session_id::previous", cfg.SessionID.Previous, 0, "must not be what the client presented, or anybody could end a session by naming it; presented: false where the service itself says so")
	x.linked = r.list("session_id::linked", cfg.SessionID.Linked, 0, "must not be what the client presented, which links nothing; presented: false where the service itself says so")
	errs = append(errs, checkOwn("session_id::previous", cfg.SessionID.Previous, &cfg.SessionID), checkOwn("session_id::linked", cfg.SessionID.Linked, &cfg.SessionID))
	x.sourceMask, x.otherMask = x.sessions.mask|x.users.mask, x.users.mask|x.linked.mask
	for i, s := range cfg.SessionID.Sources {
		if i < len(x.sessions.sources) && x.sessions.sources[i].picker == nil {
			x.idKeys.add(s.Attribute)
		}
	}
	errs = append(errs,
		checkPlaceholders("session_id::placeholders", cfg.SessionID.Placeholders),
		checkPlaceholders("user_id::placeholders", cfg.UserID.Placeholders))
	words := append(append([]string(nil), cfg.SessionID.Placeholders...), cfg.UserID.Placeholders...)
	x.sessionRules = newIDRules(true, cfg.SessionID.Placeholders)
	x.userRules = newIDRules(false, words)
	if n := len(cfg.SessionID.HashKey); n < minHashKey {
		errs = append(errs, fmt.Errorf("session_id::hash_key: must have at least %d bytes (got %d)", minHashKey, n))
	}
	x.hash = newHasher(cfg.SessionID)
	if cfg.SessionID.AlreadyHashed {
		x.sessionRules.hashed = hashedPlaceholders(x.hash.key, true, cfg.SessionID.Placeholders)
		x.userRules.hashed = hashedPlaceholders(x.hash.key, false, words)
	}
	return errors.Join(errs...)
}

// checkOwn returns an error if one of the sources of another session is the first of
// the session itself, which then is asked before it.
func checkOwn(key string, sources Sources, cfg *SessionID) error {
	for i := range sources {
		if s := &sources[i]; len(cfg.Sources) > 0 && s.Attribute != "" && s.reads(&cfg.Sources[0]) {
			return fmt.Errorf("%s::%d: must name another session than session_id::sources::0, which is this one (got %q)", key, i, s.Attribute)
		}
	}
	return nil
}
