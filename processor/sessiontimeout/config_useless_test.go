package sessiontimeout

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"
)

// TestUselessConfigs: what can never do what it says is an error that says so.
func TestUselessConfigs(t *testing.T) {
	const good = "policies: [{name: default, idle_timeout: 30m, absolute_timeout: 12h}]\n"
	for _, test := range []struct{ yaml, want string }{
		// Durations without units.
		{`policies: [{name: a, idle_timeout: 30}]`, `idle_timeout: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got 30)`},
		{`policies: [{name: a, idle_timeout: 1800.5}]`, `idle_timeout: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got 1800.5)`},
		{`policies: [{name: a, idle_timeout: "30"}]`, `idle_timeout: must be a number with a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got "30")`},
		{`policies: [{name: a, absolute_timeout: 1d}]`, `absolute_timeout: must be a number with a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got "1d")`},
		{`policies: [{name: a, tolerance: 2, end_grace: 5}]`, `tolerance: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got 2)`},
		{good + `decision_wait: 60`, `decision_wait: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got 60)`},
		{good + `findings: {update_interval: 60}`, `findings::update_interval: must have a unit (ns, us, ms, s, m, h), such as 30s or 1h30m (got 60)`},

		// What lasts longer than a session is remembered.
		{`policies: [{name: a, idle_timeout: 720h}]`, `policies::0::idle_timeout: must not be longer than retention, which is 24h0m0s: make retention longer, too (got 720h0m0s)`},
		{`policies: [{name: a, absolute_timeout: 720h}]`, `policies::0::absolute_timeout: must not be longer than retention, which is 24h0m0s: make retention longer, too (got 720h0m0s)`},
		{`policies: [{name: a, end_grace: 25h}]`, `policies::0::end_grace: must not be longer than retention, which is 24h0m0s: make retention longer, too (got 25h0m0s)`},
		{`policies: [{name: a, rotation_grace: 25h}]`, `policies::0::rotation_grace: must not be longer than retention, which is 24h0m0s: make retention longer, too (got 25h0m0s)`},
		{`policies: [{name: a, tolerance: 25h}]`, `policies::0::tolerance: must not be longer than retention, which is 24h0m0s: make retention longer, too (got 25h0m0s)`},
		{good + `retention: 10m`, `policies::0::idle_timeout: must not be longer than retention, which is 10m0s: make retention longer, too (got 30m0s)`},
		{good + `decision_wait: 48h`, `retention: must not be shorter than decision_wait, which is 48h0m0s (got 24h0m0s)`},

		// Tolerances that swallow limits.
		{`policies: [{name: a, idle_timeout: 10s, tolerance: 2h}]`, `policies::0::tolerance: must be shorter than idle_timeout, which is 10s (got 2h0m0s)`},
		{`policies: [{name: a, idle_timeout: 2s}]`, `policies::0::tolerance: must be shorter than idle_timeout, which is 2s (got 2s)`},
		{`policies: [{name: a, absolute_timeout: 1h, tolerance: 1h}]`, `policies::0::tolerance: must be shorter than absolute_timeout, which is 1h0m0s (got 1h0m0s)`},

		// Names with a *, and in letters that they never have.
		{good + `events: {ended: ["session.*"]}`, `events::ended::0: must be a whole name, without * (got "session.*")`},
		{good + `events: {started: [a, "*"]}`, `events::started::1: must be a whole name, without * (got "*")`},
		{good + `events: {authenticated: ["a*"]}`, `events::authenticated::0: must be a whole name, without * (got "a*")`},
		{good + `events: {ended_user: ["a*"]}`, `events::ended_user::0: must be a whole name, without * (got "a*")`},
		{good + `events: {activity: ["a*"]}`, `events::activity::0: must be a whole name, without * (got "a*")`},
		{good + `session_id: {sources: ["session.*"]}`, `session_id::sources::0: must be a whole name, without * (got "session.*")`},
		{good + `exempt: [{methods: ["*"]}]`, `exempt::0::methods::0: must be a whole name, without * (got "*")`},
		{good + `passive: [{methods: [GET, "P*"]}]`, `passive::0::methods::1: must be a whole name, without * (got "P*")`},
		{`policies: [{name: a, match: {"service.*": [a]}}]`, `policies::0::match::service.*: must be a whole name, without * (got "service.*")`},
		{good + `session_id: {sources: [http.request.header.X-Session]}`, `session_id::sources::0: must be in lower case, as the names of captured headers are (got "http.request.header.X-Session")`},
		{`policies: [{name: a, match: {http.request.header.X-Tenant: [a]}}]`, `policies::0::match::http.request.header.X-Tenant: must be in lower case, as the names of captured headers are (got "http.request.header.X-Tenant")`},

		// What is never where it is looked for.
		{good + `session_id: {sources: [{attribute: http.request.header.cookie, claim: sid}]}`, `session_id::sources::0: must name a cookie, since nothing else is in them: {attribute: http.request.header.cookie, cookie: NAME} (got claim "sid")`},
		{good + `user_id: {sources: [{attribute: rpc.grpc.request.metadata.cookie, path_parameter: u}]}`, `user_id::sources::0: must name a cookie, since nothing else is in them: {attribute: rpc.grpc.request.metadata.cookie, cookie: NAME} (got path_parameter "u")`},
		{good + `session_id: {sources: [a, {attribute: http.request.header.authorization, cookie: SID}]}`, `session_id::sources::1: must not name a cookie, which is in another header: {attribute: http.request.header.cookie, cookie: SID} (got "http.request.header.authorization")`},
		{good + `session_id: {sources: [{attribute: url.query, path_parameter: sid}]}`, `session_id::sources::0: must not name a path parameter, which is in a path: {attribute: url.path, path_parameter: sid} (got "url.query")`},
		{good + `session_id: {sources: [{attribute: http.route, path_parameter: sid}]}`, `session_id::sources::0: must not name a path parameter, which is in a path: {attribute: url.path, path_parameter: sid} (got "http.route")`},
		{good + `session_id: {linked: [session.id]}`, `session_id::linked::0: must name another session than session_id::sources::0, which is this one (got "session.id")`},
		{good + `session_id: {sources: [{attribute: http.request.header.cookie, cookie: SID}], previous: [{attribute: http.request.header.cookie, cookie: SID, presented: false}]}`, `session_id::previous::0: must name another session than session_id::sources::0, which is this one (got "http.request.header.cookie")`},
		{good + "user_id: {sources: [{attribute: http.request.header.authorization, claim: sub}]}\nevents: {authenticated: [{request: {routes: [login]}}]}", `events::authenticated::0: must have a user from a source that is not presented and no claim, since a request says this only of somebody whom the service names: user: [user.id] (got 1 sources, and none)`},
		{good + `events: {started: [a, {request: {routes: [login]}, user: [http.request.header.x-user]}]}`, `events::started::1::user: must have a user from a source that is not presented and no claim, since a request says this only of somebody whom the service names: user: [user.id] (got 1 sources, and none)`},

		// Routes that are none, and such as every request has.
		{good + `exempt: [{routes: [a, https://x/health]}]`, `exempt::0::routes::1: must be a route or a path, not a URL (got "https://x/health")`},
		{good + `passive: [{routes: [https://x/health]}]`, `passive::0::routes::0: must be a route or a path, not a URL (got "https://x/health")`},
		{good + `streams: [{routes: [https://x/health]}]`, `streams::0::routes::0: must be a route or a path, not a URL (got "https://x/health")`},
		{good + `login_locations: [https://x/login]`, `login_locations::0: must be a route or a path, not a URL (got "https://x/login")`},
		{good + `exempt: [{routes: ["*"]}]`, `exempt::0::routes::0: must not fit every request, since then nothing is judged (got "*")`},
		{good + `exempt: [{routes: [a, "/*"]}]`, `exempt::0::routes::1: must not fit every request, since then nothing is judged (got "/*")`},
		{good + `passive: [{routes: ["*"]}]`, `passive::0::routes::0: must not fit every request, since then nothing is activity (got "*")`},
		{good + `passive: [{routes: ["/*"]}]`, `passive::0::routes::0: must not fit every request, since then nothing is activity (got "/*")`},

		// More than the engine can hold.
		{good + `max_sessions: 3000000000`, `max_sessions: must be no more than 2000000000 (got 3000000000)`},
		{good + `max_recent_requests: 4294967296`, `max_recent_requests: must be no more than 4294967295 (got 4294967296)`},
		{good + `max_services: 4294967296`, `max_services: must be no more than 4294967295 (got 4294967296)`},
	} {
		_, err := load(t, test.yaml)
		require.ErrorContains(t, err, test.want, test.yaml)
	}
}

// TestShadowedPolicies: a policy that never governs is an error that names what
// stands before it.
func TestShadowedPolicies(t *testing.T) {
	for policies, want := range map[string]string{
		`{name: default}, {name: payments, match: {service.name: [pay]}}`:                                   `policies::1: must come before policies::0 (default), which matches all that it matches, so that it never governs (got "payments")`,
		`{name: a, match: {service.name: [pay*]}}, {name: b, match: {service.name: [payments]}}`:            `policies::1: must come before policies::0 (a), which matches all that it matches, so that it never governs (got "b")`,
		`{name: a, match: {service.name: [pay*]}}, {name: b, match: {service.name: ["payments-*"]}}`:        `policies::1: must come before policies::0 (a), which`,
		`{name: a, match: {service.name: [x, y]}}, {name: b, match: {service.name: [y], http.route: [/a]}}`: `policies::1: must come before policies::0 (a), which`,
		`{name: a, match: {k: [x]}}, {name: b, match: {k: [y]}}, {name: c, match: {k: [y]}}`:                `policies::2: must differ in match from policies::1 (b), or it never governs (got "c")`,
		`{name: a, match: {k: ["*"]}}, {name: b, match: {k: [y, "z*"]}}`:                                    `policies::1: must come before policies::0 (a), which`,
		`{name: a, match: {k: [x]}}, {name: b, match: {k: [x]}}`:                                            `policies::1: must differ in match from policies::0 (a), or it never governs (got "b")`,
		`{name: a}, {name: b}`: `policies::1: must differ in match from policies::0 (a), or it never governs (got "b")`,
	} {
		_, err := load(t, "policies: ["+policies+"]")
		require.ErrorContains(t, err, want, policies)
		require.Equal(t, 1, strings.Count(err.Error(), "policies::"+want[10:11]), "once: %v", err)
	}
	for _, policies := range []string{
		`{name: payments, match: {service.name: [pay]}}, {name: default}`,
		`{name: a, match: {service.name: [payments]}}, {name: b, match: {service.name: [pay*]}}`,
		`{name: a, match: {service.name: [pay*]}}, {name: b, match: {service.name: [payments, ledger]}}`,
		`{name: a, match: {service.name: [pay*], http.route: [/a]}}, {name: b, match: {service.name: [payments]}}`,
		`{name: a, match: {k: ["*"]}}, {name: b, match: {l: [y]}}`,
		`{name: a, match: {k: [Pay*]}}, {name: b, match: {k: [payments]}}`,
	} {
		_, err := load(t, "policies: ["+policies+"]")
		require.NoError(t, err, policies)
	}
}

// TestLimitsAreKept: as many sessions as are allowed fit into the shards that
// there are, whatever the other limits say.
func TestLimitsAreKept(t *testing.T) {
	for _, sessions := range []int{1, 8191, 8192, 1_000_000, shardSessions, shardSessions + 1, 20_000_000, 130_000_000, 140_000_000, mostSessions} {
		for _, requests := range []int{1, 5000, 1_000_000} {
			cfg := createDefaultConfig().(*Config)
			cfg.Policies = []PolicyConfig{{Name: "a", Severity: "info", Evidence: "success", Background: "off", Coverage: "complete"}}
			cfg.MaxSessions, cfg.MaxRecentRequests = sessions, requests
			require.NoError(t, cfg.Validate())
			n := cfg.shards()
			require.LessOrEqual(t, n, mostShards)
			share := sessions
			if n > 1 {
				share = sessions/n + sessions/n/64 + 64 // as the engine deals it out
			}
			require.LessOrEqual(t, share, shardSessions, "%d sessions in %d shards", sessions, n)
			require.GreaterOrEqual(t, n*share, sessions)
		}
	}
	cfg := createDefaultConfig().(*Config)
	require.Equal(t, 8, cfg.shards(), "what is stored is stored by shards")
}

// TestWarnings: what is allowed and hardly meant is said, with its key and what
// to do.
func TestWarnings(t *testing.T) {
	const key = "session_id: {hash_key: 8f1d2c3b4a5968778695a4b3c2d1e0f00f1e2d3c}\n"
	const good = "policies: [{name: default, idle_timeout: 30m}]\n" + key
	for _, test := range []struct{ yaml, want string }{
		{"policies: [{name: a}]", `session_id::hash_key is not set: pseudonyms are made with a random key and change with every start`},
		{key + `policies: [{name: a, match: {service_name: [pay]}}]`, `policies::0::match::service_name: hardly an attribute's name: the conventions say service.name (got "service_name")`},
		{key + `policies: [{name: a, match: {httpRoute: [pay]}}]`, `policies::0::match::httpRoute: hardly an attribute's name: the conventions say http.route (got "httpRoute")`},
		{key + `policies: [{name: a, match: {service.name: ["^pay.+$"]}}]`, `policies::0::match::service.name::0: is compared as it stands, not as a regular expression; a trailing * matches any rest (got "^pay.+$")`},
		{key + `policies: [{name: a, match: {service.name: [x, "(pay|ledger)"]}}]`, `policies::0::match::service.name::1: is compared as it stands`},
		{key + `policies: [{name: a, match: {service.name: ['pay-\d+']}}]`, `policies::0::match::service.name::0: is compared as it stands`},
		{good + "max_age: 5m", `max_age: shorter than reorder_window, which is 10m0s: what comes later than max_age is refused, so nothing can be put in order that far back; 0 is no bound, for a replay (got 5m0s)`},
		{good + "reorder_window: 48h", `max_age: shorter than reorder_window, which is 48h0m0s`},
		{good + "decision_wait: 20m\nmax_age: 15m", `max_age: shorter than decision_wait, which is 20m0s: what comes later than max_age is refused, so nothing comes to wait for; 0 is no bound, for a replay (got 15m0s)`},
		{good + "exempt: [{methods: [get, post]}]", `exempt: leaves hardly a request to be judged: name routes instead (got methods ["get" "post"])`},
		{good + "passive: [{methods: GET}, {methods: POST}]", `passive: leaves hardly a request to be judged`},
		{good + "user_id: {sources: [{attribute: http.request.header.authorization, claim: realm_access.sub}]}", `user_id::sources::0::claim: hardly a top-level claim, and what is in one is not looked at; write it to an attribute of its own, for example by a transform (got "realm_access.sub")`},
		{good + "events: {ended: [{name: out, session: [{attribute: t, claim: $.sid}]}]}", `events::ended::0::session::0::claim: hardly a top-level claim, and what is in one is not looked at; write it to an attribute of its own, for example by a transform (got "$.sid")`},
		{good + "log_request_slack: 25h", `log_request_slack: no shorter than retention, which is 24h0m0s: a session is forgotten before a request that only an access log tells of, without its length, can be found too late; make retention longer (got 25h0m0s)`},
		{good + "retention: 30m", `policies::0::idle_timeout: with tolerance no shorter than retention, which is 30m0s: a session is forgotten before it can be found idle for too long; make retention longer (got 30m0s)`},
	} {
		cfg, err := load(t, test.yaml)
		require.NoError(t, err, test.yaml)
		require.Len(t, cfg.Warnings(), 1, "%s: %q", test.yaml, cfg.Warnings())
		require.Contains(t, cfg.Warnings()[0], test.want, test.yaml)
	}
	for _, yaml := range []string{
		good, good + "max_age: 0", good + "max_age: 10m", good + "exempt: [{methods: [GET, OPTIONS]}]", good + "exempt: [{methods: [GET, POST], routes: [x]}]",
		key + `policies: [{name: a, match: {http.route: ['^api/(?P<pk>\d+)/$']}}]`, // as Django writes it
		key + `policies: [{name: a, match: {service.name: [pay.v2, "shop.*", a+b, C++]}}]`,
		key + `policies: [{name: a, match: {tenant_id: [a], team: [b], my.own: [c]}}]`,
		"storage: file_storage\npolicies: [{name: a}]",
		good + "user_id: {sources: [{attribute: t, claim: https://shop.example/user}]}",
	} {
		cfg, err := load(t, yaml)
		require.NoError(t, err, yaml)
		require.Empty(t, cfg.Warnings(), yaml)
	}
}

// TestWeakKeys: a key that can be guessed is warned of, and never shown.
func TestWeakKeys(t *testing.T) {
	for _, key := range []string{
		strings.Repeat("a", 32),
		"abababababababababababababababab",
		"0123456789abcdef0123456789abcdef",
		"CHANGEME-CHANGEME-CHANGEME-CHANGEME",
		"please-change-me-1234567890-abcdef",
		"your key here: thirty-two bytes long",
		"YOUR_HASH_KEY_GOES_HERE_1234567890",
		"my-super-secret-session-hash-key-1",
		"Password1234567890Password12345678",
		"an example of a key of 32 characters",
		"test-test-test-12345-abcdefgh-xyz0",
		"for_testing_only_d41d8cd98f00b204e980",
		"replace-with-openssl-rand-hex-32-out",
		"placeholder_8f1d2c3b4a5968778695a4b3",
		"0123456789abcdefghijklmnopqrstuvwxyz",
		"not a secret, so that a recording has the same pseudonyms each time",
	} {
		cfg := createDefaultConfig().(*Config)
		require.NoError(t, confmap.NewFromStringMap(map[string]any{
			"policies":   []any{map[string]any{"name": "a"}},
			"session_id": map[string]any{"hash_key": key},
		}).Unmarshal(cfg))
		require.NoError(t, cfg.Validate(), key)
		warnings := cfg.Warnings()
		require.Len(t, warnings, 1, key)
		require.Regexp(t, "^session_id::hash_key: can be guessed, and with it ids behind pseudonyms, since it .*: "+
			"make one with `openssl rand -hex 32` and give it as \\$\\{env:SESSION_HASH_KEY\\} \\(got one of [0-9]+ bytes\\)$", warnings[0])
		require.NotContains(t, warnings[0], key)
	}
	for _, key := range []string{
		"8f1d2c3b4a5968778695a4b3c2d1e0f00f1e2d3c4b5a69788796a5b4c3d2e1f0", // of openssl rand -hex 32
		"K7gNU3sdo+OL0wNhqoVWhr3g6s1xYv72ol/pe/Unols=",                     // of openssl rand -base64 32
		"aTeStK7gNU3sdoOL0wNhqoVWhr3g6s1x",                                 // a word by chance
	} {
		require.Empty(t, weakness(key), key)
	}
	for range 10_000 {
		require.Empty(t, weakness(string(newHashKey())))
	}
}
