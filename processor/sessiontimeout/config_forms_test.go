package sessiontimeout

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

const formsPolicy = "policies: [{name: default, idle_timeout: 30m}]\n"

// TestForms: every form that a list may have, and what it is in the end. What is
// printed of it is read as the same.
func TestForms(t *testing.T) {
	sid := extract.Source{Attribute: "sid"}
	cookie := extract.Source{Attribute: "http.request.header.cookie", Cookie: "SID"}
	for yaml, want := range map[string]func(*Config){
		"session_id: {sources: sid}":                func(c *Config) { c.SessionID.Sources = extract.Sources{sid} },
		"session_id: {sources: [sid]}":              func(c *Config) { c.SessionID.Sources = extract.Sources{sid} },
		"session_id: {sources: {attribute: sid}}":   func(c *Config) { c.SessionID.Sources = extract.Sources{sid} },
		"session_id: {sources: [{attribute: sid}]}": func(c *Config) { c.SessionID.Sources = extract.Sources{sid} },
		"session_id: {sources: [7]}":                func(c *Config) { c.SessionID.Sources = extract.Sources{{Attribute: "7"}} },
		"session_id: {sources: [sid, {attribute: http.request.header.cookie, cookie: SID}]}": func(c *Config) {
			c.SessionID.Sources = extract.Sources{sid, cookie}
		},
		"session_id: {sources: [{attribute: http.request.header.cookie, cookie: SID}, sid]}": func(c *Config) {
			c.SessionID.Sources = extract.Sources{cookie, sid}
		},
		"session_id: {sources: [{attribute: a, claim: 1, strip_prefix: 2, until: 3}]}": func(c *Config) {
			c.SessionID.Sources = extract.Sources{{Attribute: "a", Claim: "1", StripPrefix: "2", Until: "3"}}
		},
		"session_id: {previous: []}":                   func(c *Config) { c.SessionID.Previous = extract.Sources{} },
		"session_id: {previous: }":                     func(c *Config) { c.SessionID.Previous = extract.Sources{} },
		"session_id: {linked: oidc.sid}":               func(c *Config) { c.SessionID.Linked = extract.Sources{{Attribute: "oidc.sid"}} },
		"session_id: {placeholders: []}":               func(c *Config) { c.SessionID.Placeholders = []string{} },
		"session_id: {placeholders: ['a,b', 1, true]}": func(c *Config) { c.SessionID.Placeholders = []string{"a,b", "1", "true"} },
		"user_id: {sources: []}":                       func(c *Config) { c.UserID.Sources = extract.Sources{} },
		"user_id: {sources: [sid], placeholders: nobody}": func(c *Config) {
			c.UserID = extract.UserID{Sources: extract.Sources{sid}, Placeholders: []string{"nobody"}}
		},
		"events: {started: []}": func(c *Config) { c.Events.Started = []extract.Event{} },
		"events: {ended: bye}":  func(c *Config) { c.Events.Ended = []extract.Event{{Name: "bye"}} },
		"events: {ended: [bye, {name: gone, match: {why: timeout, n: [1, 2.5, true]}, session: sid, user: [u, {attribute: sid}]}]}": func(c *Config) {
			c.Events.Ended = []extract.Event{{Name: "bye"}, {
				Name: "gone", Match: map[string][]string{"why": {"timeout"}, "n": {"1", "2.5", "true"}},
				Session: extract.Sources{sid}, User: extract.Sources{{Attribute: "u"}, sid},
			}}
		},
		"events: {ended: {request: {methods: POST, routes: logout, match: {a: 1}}}}": func(c *Config) {
			c.Events.Ended = []extract.Event{{Request: &extract.Rule{
				Methods: []string{"POST"}, Routes: []string{"logout"}, Match: map[string][]string{"a": {"1"}},
			}}}
		},
		"exempt: []":                  func(c *Config) { c.Exempt = []extract.Rule{} },
		"exempt:":                     func(c *Config) { c.Exempt = []extract.Rule{} },
		"exempt: [{methods: [HEAD]}]": func(c *Config) { c.Exempt = []extract.Rule{{Methods: []string{"HEAD"}}} },
		"passive: [{routes: poll}, {match: {a: [b*]}}]": func(c *Config) {
			c.Passive = []extract.Rule{{Routes: []string{"poll"}}, {Match: map[string][]string{"a": {"b*"}}}}
		},
		"outcomes: {rejected: [{match: {code: 7}}]}": func(c *Config) {
			c.Outcomes.Rejected = []extract.Rule{{Match: map[string][]string{"code": {"7"}}}}
		},
		"login_locations: in": func(c *Config) { c.LoginLocations = []string{"in"} },
	} {
		wanted, err := load(t, formsPolicy)
		require.NoError(t, err)
		want(wanted)
		got, err := load(t, formsPolicy+yaml)
		require.NoError(t, err, yaml)
		require.Equal(t, wanted, got, yaml)

		printed := confmap.New()
		require.NoError(t, printed.Marshal(got), yaml)
		again := createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(asPrinted(printed.ToStringMap()).(map[string]any)).Unmarshal(again), yaml)
		require.Equal(t, got, again, yaml)
	}
}

// asPrinted is a value as YAML has it: durations are texts.
func asPrinted(value any) any {
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			v[name] = asPrinted(v[name])
		}
	case []any:
		for i := range v {
			v[i] = asPrinted(v[i])
		}
	case time.Duration:
		return v.String()
	}
	return value
}

// TestValuesOfPolicies: they may be numbers and booleans, too.
func TestValuesOfPolicies(t *testing.T) {
	cfg, err := load(t, "policies: [{name: a, match: {server.port: [443, 8443], internal: true, n: 1.5, text: [a]}}]")
	require.NoError(t, err)
	require.Equal(t, map[string][]string{"server.port": {"443", "8443"}, "internal": {"true"}, "n": {"1.5"}, "text": {"a"}}, cfg.Policies[0].Match)
}

// TestFormErrors: what has another form than it may have.
func TestFormErrors(t *testing.T) {
	for yaml, want := range map[string]string{
		"session_id: {attributes: [session.id, http.request.header.cookie]}":                      `session_id::attributes: must be session_id::sources now: {sources: [session.id, {attribute: http.request.header.cookie, cookie: NAME}]} (got [session.id http.request.header.cookie])`,
		"session_id: {attributes: sid}":                                                           `session_id::attributes: must be session_id::sources now: {sources: [sid]} (got sid)`,
		"exempt: {methods: [OPTIONS], routes: [login, '/a/*']}":                                   `exempt: must be a list of rules, each of which fits if all that it names does: exempt: [{methods: [OPTIONS]}, {routes: [login, "/a/*"]}] (got a map)`,
		"passive: {routes: [poll]}":                                                               `passive: must be a list of rules, each of which fits if all that it names does: passive: [{routes: [poll]}] (got a map)`,
		"streams: {routes: [live]}":                                                               `streams: must be a list of rules, each of which fits if all that it names does: streams: [{routes: [live]}] (got a map)`,
		"exempt: {}":                                                                              `exempt: must be a list of rules, each of which fits if all that it names does: exempt: [] (got a map)`,
		"exempt: [login]":                                                                         `exempt::0: must be a map with methods, routes or match (got login)`,
		"exempt: [[login]]":                                                                       `exempt::0: must be a map with methods, routes or match (got [login])`,
		"exempt: [{}]":                                                                            `exempt::0: must name methods, routes or a match, since without any it fits every request (got none)`,
		"exempt: [{route: [a]}]":                                                                  `'exempt[0]' has invalid keys: route`,
		"exempt: [{match: {a: []}}]":                                                              `exempt::0::match::a: must list at least one value (got [])`,
		"exempt: [{match: {a: [null]}}]":                                                          `exempt::0::match::a::0: must be a text, a number or a boolean: what YAML takes for something else, such as null, needs quotes (got <nil>)`,
		"session_id: {placeholders: [null]}":                                                      `session_id::placeholders::0: must be a text, a number or a boolean: what YAML takes for something else, such as null, needs quotes (got <nil>)`,
		"session_id: {placeholders: ['']}":                                                        `session_id::placeholders::0: must not be empty, which is never an id (got "")`,
		"session_id: {sources: [[a]]}":                                                            `session_id::sources::0: must be a text, which is its attribute, or a map (got [a])`,
		"session_id: {sources: [{attributes: a}]}":                                                `'session_id.sources[0]' has invalid keys: attributes`,
		"session_id: {sources: [http.request.header.cookie]}":                                     `session_id::sources::0: must name a cookie, since all of them together are another id with each change of any: {attribute: http.request.header.cookie, cookie: NAME} (got "http.request.header.cookie")`,
		"user_id: {sources: [rpc.grpc.request.metadata.cookie]}":                                  `user_id::sources::0: must name a cookie`,
		"session_id: {sources: [{attribute: a, cookie: b, claim: c}]}":                            `session_id::sources::0: must name one of cookie, claim and path_parameter at most (got cookie "b", claim "c")`,
		"session_id: {sources: [{cookie: b}]}":                                                    `session_id::sources::0::attribute: must not be empty (got "")`,
		"session_id: {sources: [{attribute: a, cookie: 'b='}]}":                                   `session_id::sources::0::cookie: must be a name, without any of ";=, \t\"" (got "b=")`,
		"session_id: {sources: [{attribute: a, path_parameter: ;b}]}":                             `session_id::sources::0::path_parameter: must be a name, without any of ";=/?#" (got ";b")`,
		"session_id: {sources: [{attribute: a, decode: hex}]}":                                    `session_id::sources::0::decode: must be one of base64, base64url (got "hex")`,
		"session_id: {sources: [{attribute: a, cookie: b, pick: any}]}":                           `session_id::sources::0::pick: must be one of first, last (got "any")`,
		"session_id: {sources: [{attribute: a, pick: last}]}":                                     `session_id::sources::0::pick: must stand beside a cookie, of which there may be several (got "last")`,
		"session_id: {sources: [a, {attribute: a, cookie: b}]}":                                   `session_id::sources::1: must come before session_id::sources::0, which takes the attribute whole, so that nothing in it is looked for (got "a")`,
		"session_id: {sources: [http.request.header.x-s, http.request.header.x_s]}":               `session_id::sources::1: must not come twice`,
		"session_id: {previous: [http.request.header.x-s]}":                                       `session_id::previous::0: must not be what the client presented, or anybody could end a session by naming it; presented: false where the service itself says so (got "http.request.header.x-s")`,
		"session_id: {linked: [{attribute: a, claim: sid}]}":                                      `session_id::linked::0: must not be what the client presented, which links nothing; presented: false where the service itself says so (got "a")`,
		"session_id: {max_users: -1}":                                                             `session_id::max_users: must be from 0 to 50 (got -1)`,
		"session_id: {max_users: 51}":                                                             `session_id::max_users: must be from 0 to 50 (got 51)`,
		"events: {ended: [{name: a, request: {routes: [b]}}]}":                                    `events::ended::0: must have either a name or a request (got name "a")`,
		"events: {ended: [{match: {a: b}}]}":                                                      `events::ended::0: must have either a name or a request (got name "")`,
		"events: {ended: [{request: {}}]}":                                                        `events::ended::0::request: must name methods, routes or a match`,
		"events: {ended: [{request: {routes: ['a*b']}}]}":                                         `events::ended::0::request::routes::0: may have a * at its end only (got "a*b")`,
		"events: {ended: [{request: {methods: ['G*']}}]}":                                         `events::ended::0::request::methods::0: must be a whole name, without * (got "G*")`,
		"events: {started: [a], ended: [{name: a, match: {b: c}}]}":                               `events::ended::0: one name says one thing, but it is under events::started::0, too (got "a")`,
		"events: {ended_user: [{name: a, user: [{attribute: b, claim: sub, presented: false}]}]}": `events::ended_user::0::user::0: must not be what the client presented, which is no user whose sessions could end (got "b")`,
		"passive: [{routes: ['/crm/?v-r=heartbeat*']}]":                                           `passive::0::routes::0: must be without a query and parameters, which are cut off a path; match url.query instead (got "/crm/?v-r=heartbeat*")`,
		"log_time: middle":                                                                        `log_time: must be one of end, start (got "middle")`,
		"idle_decision_wait: -1s":                                                                 `idle_decision_wait: must not be negative (got -1s)`,
		"idle_decision_wait: 5":                                                                   `idle_decision_wait: must have a unit`,
		"outcomes: {rejected: [{routes: ['*']}]}":                                                 `outcomes::rejected::0::routes::0: must not fit every request, since then nothing is served (got "*")`,
	} {
		_, err := load(t, formsPolicy+yaml)
		require.ErrorContains(t, err, want, yaml)
	}
	_, err := load(t, "policies: [{name: a, evidence: identity}]\nuser_id: {sources: [{attribute: http.request.header.x-user}]}")
	require.ErrorContains(t, err, `user_id::sources: must have one that is not presented and no claim, since policies::0::evidence is identity and nothing else is an identity (got 1 sources, and none)`)
	// What the same name says may depend on what else it has.
	_, err = load(t, formsPolicy+"events: {started: [{name: a, match: {b: [c]}}], ended: [a]}")
	require.NoError(t, err)
}
