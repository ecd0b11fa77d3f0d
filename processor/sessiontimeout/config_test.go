package sessiontimeout

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// load reads the processor's configuration as the collector does.
func load(t *testing.T, yaml string) (*Config, error) {
	t.Helper()
	retrieved, err := confmap.NewRetrievedFromYAML([]byte(yaml))
	require.NoError(t, err)
	conf, err := retrieved.AsConf()
	require.NoError(t, err)
	cfg := createDefaultConfig()
	if err := conf.Unmarshal(cfg); err != nil {
		return nil, err
	}
	return cfg.(*Config), confmap.Validate(cfg)
}

// everyKey names each key with a value that is not its default.
const everyKey = `
session_id:
  sources:
    - session.id
    - {attribute: http.request.header.cookie, cookie: SID, strip_prefix: "s:", until: ".", decode: base64, pick: last, presented: false}
    - {attribute: http.request.header.authorization, claim: sid}
    - {attribute: url.path, path_parameter: jsessionid, decode: base64url}
  previous: [app.previous]
  linked: [oidc.sid]
  placeholders: [nobody]
  max_users: 7
  hash_key: thirty-two bytes are enough for it
  already_hashed: true
user_id:
  sources: [app.user]
  placeholders: [visitor]
policies:
  - name: payments
    match: {service.name: [checkout, ledger], deployment.environment.name: [prod*]}
    idle_timeout: 5m
    absolute_timeout: 1h
    severity: critical
    tolerance: 1s
    end_grace: 2s
    rotation_grace: 3s
    evidence: identity
    background: alert
    inclusive: true
    coverage: sampled
  - name: default
    idle_timeout: 30m
    absolute_timeout: 12h
events:
  started: [a, {name: a2, match: {outcome: [success]}}]
  ended: [b, {request: {methods: [POST], routes: [logout]}, session: app.session}]
  authenticated: [c]
  ended_user: [{name: d, user: [target.id, {attribute: actor.id}]}]
  activity: [e]
outcomes:
  rejected: [{match: {exception.type: [AccessDenied*]}}]
  indeterminate: [{match: {http.response.status_code: [206]}}]
exempt: [{methods: [HEAD], routes: [/public/*]}]
passive: [{methods: [GET], routes: [poll]}]
streams: [{routes: [/live]}]
foreground: [{match: {messaging.destination.name: [signalr*]}}]
login_locations: [anmelden]
decision_wait: 2m
idle_decision_wait: 10m
reorder_window: 20m
log_time: start
log_request_slack: 30s
max_ahead: 1m
max_age: 0s
max_sessions: 10
max_recent_requests: 20
max_services: 30
retention: 48h
downtime: lost
findings: {per: request, update_interval: 5m}
mark: false
storage: file_storage/sessions
durability: acknowledged
checkpoint_interval: 30s
`

func TestEveryKey(t *testing.T) {
	cfg, err := load(t, everyKey)
	require.NoError(t, err)
	storage := component.MustNewIDWithName("file_storage", "sessions")
	payments := PolicyConfig{
		Name:        "payments",
		Match:       map[string][]string{"service.name": {"checkout", "ledger"}, "deployment.environment.name": {"prod*"}},
		IdleTimeout: 5 * time.Minute, AbsoluteTimeout: time.Hour, Severity: "critical",
		Tolerance: time.Second, EndGrace: 2 * time.Second, RotationGrace: 3 * time.Second,
		Evidence: "identity", Background: "alert", Inclusive: true, Coverage: "sampled",
	}
	// What a policy leaves out is the default, whatever the one before it said.
	standard := PolicyConfig{
		Name: "default", IdleTimeout: 30 * time.Minute, AbsoluteTimeout: 12 * time.Hour, Severity: "warning",
		Tolerance: 2 * time.Second, EndGrace: 5 * time.Second, RotationGrace: 30 * time.Second,
		Evidence: "success", Background: "observe", Coverage: "complete",
	}
	require.Equal(t, []PolicyConfig{payments, standard}, cfg.Policies)
	said := false
	require.Equal(t, extract.Sources{
		{Attribute: "session.id"},
		{Attribute: "http.request.header.cookie", Cookie: "SID", StripPrefix: "s:", Until: ".", Decode: "base64", Pick: "last", Presented: &said},
		{Attribute: "http.request.header.authorization", Claim: "sid"},
		{Attribute: "url.path", PathParameter: "jsessionid", Decode: "base64url"},
	}, cfg.SessionID.Sources)
	require.Equal(t, extract.Sources{{Attribute: "app.previous"}}, cfg.SessionID.Previous)
	require.Equal(t, extract.Sources{{Attribute: "oidc.sid"}}, cfg.SessionID.Linked)
	require.Equal(t, []string{"nobody"}, cfg.SessionID.Placeholders)
	require.Equal(t, 7, cfg.SessionID.MaxUsers)
	require.Equal(t, extract.UserID{Sources: extract.Sources{{Attribute: "app.user"}}, Placeholders: []string{"visitor"}}, cfg.UserID)
	require.True(t, cfg.SessionID.AlreadyHashed)
	require.Equal(t, extract.Events{
		Started:       []extract.Event{{Name: "a"}, {Name: "a2", Match: map[string][]string{"outcome": {"success"}}}},
		Authenticated: []extract.Event{{Name: "c"}},
		Ended: []extract.Event{{Name: "b"}, {
			Request: &extract.Rule{Methods: []string{"POST"}, Routes: []string{"logout"}}, Session: extract.Sources{{Attribute: "app.session"}},
		}},
		EndedUser: []extract.Event{{Name: "d", User: extract.Sources{{Attribute: "target.id"}, {Attribute: "actor.id"}}}},
		Activity:  []extract.Event{{Name: "e"}},
	}, cfg.Events)
	require.Equal(t, extract.Outcomes{
		Rejected:      []extract.Rule{{Match: map[string][]string{"exception.type": {"AccessDenied*"}}}},
		Indeterminate: []extract.Rule{{Match: map[string][]string{"http.response.status_code": {"206"}}}},
	}, cfg.Outcomes)
	require.Equal(t, []extract.Rule{{Methods: []string{"HEAD"}, Routes: []string{"/public/*"}}}, cfg.Exempt)
	require.Equal(t, []extract.Rule{{Methods: []string{"GET"}, Routes: []string{"poll"}}}, cfg.Passive)
	require.Equal(t, []extract.Rule{{Routes: []string{"/live"}}}, cfg.Streams)
	require.Equal(t, []extract.Rule{{Match: map[string][]string{"messaging.destination.name": {"signalr*"}}}}, cfg.Foreground)
	require.Equal(t, "start", cfg.LogTime)
	require.Equal(t, []string{"anmelden"}, cfg.LoginLocations)
	require.Equal(t, []time.Duration{2 * time.Minute, 10 * time.Minute, 20 * time.Minute, 30 * time.Second, time.Minute, 0, 48 * time.Hour},
		[]time.Duration{cfg.DecisionWait, cfg.IdleDecisionWait, cfg.ReorderWindow, cfg.LogRequestSlack, cfg.MaxAhead, cfg.MaxAge, cfg.Retention})
	require.Equal(t, []int{10, 20, 30}, []int{cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices})
	require.Equal(t, FindingsConfig{Per: "request", UpdateInterval: 5 * time.Minute}, cfg.Findings)
	require.Equal(t, "lost", cfg.Downtime)
	require.False(t, cfg.Mark)
	require.Equal(t, &storage, cfg.Storage)
	require.Equal(t, "acknowledged", cfg.Durability)
	require.Equal(t, 30*time.Second, cfg.CheckpointInterval)
}

func TestDefaults(t *testing.T) {
	cfg, err := load(t, `policies: [{name: default, idle_timeout: 30m}]`)
	require.NoError(t, err)
	x := extract.DefaultConfig()
	require.Equal(t, extract.Sources{{Attribute: "session.id"}}, cfg.SessionID.Sources)
	require.Equal(t, 5, cfg.SessionID.MaxUsers)
	require.Equal(t, x.UserID, cfg.UserID)
	require.Equal(t, "end", cfg.LogTime)
	require.Equal(t, []time.Duration{time.Minute, 5 * time.Minute, 10 * time.Minute, time.Minute, 5 * time.Minute, 24 * time.Hour, 24 * time.Hour},
		[]time.Duration{cfg.DecisionWait, cfg.IdleDecisionWait, cfg.ReorderWindow, cfg.LogRequestSlack, cfg.MaxAhead, cfg.MaxAge, cfg.Retention})
	require.Equal(t, []int{1_000_000, 1_000_000, 200}, []int{cfg.MaxSessions, cfg.MaxRecentRequests, cfg.MaxServices})
	require.Equal(t, FindingsConfig{Per: "session", UpdateInterval: time.Minute}, cfg.Findings)
	require.Equal(t, x.Events, cfg.Events)
	require.Equal(t, x.Exempt, cfg.Exempt)
	require.Len(t, cfg.Exempt, 1)
	require.Empty(t, cfg.Exempt[0].Methods)
	require.Equal(t, "resent", cfg.Downtime)
	require.True(t, cfg.Mark)
	require.Nil(t, cfg.Storage)
	require.Equal(t, "checkpoint", cfg.Durability)
	require.Equal(t, 10*time.Second, cfg.CheckpointInterval)
}

// TestConfigErrors: each error names the key, the rule and the value.
func TestConfigErrors(t *testing.T) {
	const good = "policies: [{name: default, idle_timeout: 30m}]\n"
	policy := func(rest string) string { return "policies: [{name: default, " + rest + "}]" }
	for _, test := range []struct{ yaml, want string }{
		{`mark: true`, `policies: must have at least one policy (got 0)`},
		{`policies: []`, `policies: must have at least one policy (got 0)`},
		{`policies: [{name: a, match: {k: [x]}}, {name: b, match: {k: [y]}}, {name: a}]`, `policies::2::name: must be unique (got "a" twice)`},
		{`policies: [{idle_timeout: 30m}]`, `policies::0::name: must not be empty (got "")`},
		{policy(`idle_timeout: -1s`), `policies::0::idle_timeout: must not be negative (got -1s)`},
		{policy(`absolute_timeout: -1h`), `policies::0::absolute_timeout: must not be negative (got -1h0m0s)`},
		{policy(`tolerance: -2s`), `policies::0::tolerance: must not be negative (got -2s)`},
		{policy(`end_grace: -3s`), `policies::0::end_grace: must not be negative (got -3s)`},
		{policy(`rotation_grace: -4s`), `policies::0::rotation_grace: must not be negative (got -4s)`},
		{policy(`idle_timeout: 2h, absolute_timeout: 1h`), `policies::0::idle_timeout: must not be longer than absolute_timeout, which is 1h0m0s (got 2h0m0s)`},
		{policy(`severity: loud`), `policies::0::severity: must be one of info, warning, critical (got "loud")`},
		{policy(`severity: ""`), `policies::0::severity: must be one of info, warning, critical (got "")`},
		{policy(`evidence: hope`), `policies::0::evidence: must be one of success, identity, presented (got "hope")`},
		{policy(`background: on`), `policies::0::background: must be one of observe, off, alert (got "on")`},
		{policy(`coverage: some`), `policies::0::coverage: must be one of complete, sampled (got "some")`},
		{policy(`match: {service.name: []}`), `policies::0::match::service.name: must list at least one value (got [])`},
		{policy(`match: {service.name: [""]}`), `policies::0::match::service.name::0: must not be empty (got "")`},
		{policy(`match: {service.name: ["a*b"]}`), `policies::0::match::service.name::0: may have a * at its end only (got "a*b")`},
		{good + `session_id: {hash_key: short}`, `session_id::hash_key: must have at least 32 bytes (got 5)`},
		{good + `session_id: {already_hashed: true}`, `session_id::hash_key: must be the key that the ids were hashed with where session_id::already_hashed is true (got none)`},
		{good + `session_id: {sources: []}`, `session_id::sources: must have at least one source (got 0)`},
		{good + `session_id: {sources: [a.b, a.b]}`, `session_id::sources::1: must not come twice, since where session_id::sources::0 is there no other is asked (got "a.b")`},
		{good + `session_id: {sources: [""]}`, `session_id::sources::0::attribute: must not be empty (got "")`},
		{good + `events: {ended: [""]}`, `events::ended::0: must have either a name or a request (got name "")`},
		{good + `events: {ended: [a], started: [a]}`, `events::ended::0: one name says one thing, but it is under events::started::0, too (got "a")`},
		{good + `exempt: [{routes: [""]}]`, `exempt::0::routes::0: must not be empty (got "")`},
		{good + `exempt: [{methods: [""]}]`, `exempt::0::methods::0: must not be empty (got "")`},
		{good + `passive: [{routes: ["/a*b"]}]`, `passive::0::routes::0: may have a * at its end only (got "/a*b")`},
		{good + `streams: [{routes: ["*a"]}]`, `streams::0::routes::0: may have a * at its end only (got "*a")`},
		{good + `login_locations: [""]`, `login_locations::0: must not be empty (got "")`},
		{good + `decision_wait: -1s`, `decision_wait: must not be negative (got -1s)`},
		{good + `reorder_window: -1s`, `reorder_window: must not be negative (got -1s)`},
		{good + `log_request_slack: -1s`, `log_request_slack: must not be negative (got -1s)`},
		{good + `log_request_slack: 2000000h`, `log_request_slack: must not be longer than 1051200h0m0s (got 2000000h0m0s)`},
		{good + `max_ahead: 2000000h`, `max_ahead: must not be longer than 1051200h0m0s (got 2000000h0m0s)`},
		{good + `max_ahead: -1s`, `max_ahead: must not be negative (got -1s)`},
		{good + `max_age: -1s`, `max_age: must not be negative (got -1s)`},
		{good + `retention: 0s`, `retention: must be positive (got 0s)`},
		{good + `max_sessions: 0`, `max_sessions: must be positive (got 0)`},
		{good + `max_recent_requests: -1`, `max_recent_requests: must be positive (got -1)`},
		{good + `max_services: 0`, `max_services: must be positive (got 0)`},
		{good + "storage: file_storage\ndowntime: maybe", `downtime: must be one of resent, lost (got "maybe")`},
		{good + `downtime: lost`, `downtime: must be resent without a storage, which knows since when the collector was down (got "lost")`},
		{good + "storage: file_storage\ndurability: maybe", `durability: must be one of checkpoint, acknowledged (got "maybe")`},
		{good + `durability: acknowledged`, `durability: must be checkpoint without a storage to keep what is acknowledged (got "acknowledged")`},
		{good + `checkpoint_interval: 20s`, `checkpoint_interval: must be 10s without a storage to write checkpoints to (got 20s)`},
		{good + "storage: file_storage\ncheckpoint_interval: 0s", `checkpoint_interval: must not be shorter than 1s (got 0s)`},
		{good + "storage: file_storage\ncheckpoint_interval: 2000000h", `checkpoint_interval: must not be longer than 1051200h0m0s (got 2000000h0m0s)`},
		{good + `findings: {per: day}`, `findings::per: must be one of session, request (got "day")`},
		{good + `findings: {update_interval: -1s}`, `findings::update_interval: must not be negative (got -1s)`},
	} {
		_, err := load(t, test.yaml)
		require.EqualError(t, err, test.want, test.yaml)
		require.Regexp(t, `^[a-z_:.0-9]+: .* \(got .*\)$`, err.Error())
	}
}

func TestTooManyPolicies(t *testing.T) {
	var b strings.Builder
	b.WriteString("policies:\n")
	for i := range 65 {
		fmt.Fprintf(&b, "  - {name: p%d}\n", i)
	}
	_, err := load(t, b.String())
	require.ErrorContains(t, err, "policies: must have at most 64 policies (got 65)")
}

// TestConfigErrorsTogether: whoever writes a configuration learns at once of
// everything that is wrong with it.
func TestConfigErrorsTogether(t *testing.T) {
	_, err := load(t, "policies: [{name: a, severity: loud, idle_timeout: -1s}]\nmax_sessions: 0\nsession_id: {hash_key: short}")
	for _, key := range []string{"policies::0::severity", "policies::0::idle_timeout", "max_sessions", "session_id::hash_key"} {
		require.ErrorContains(t, err, key+": ")
	}
}

func TestUnknownKeys(t *testing.T) {
	_, err := load(t, "policies: [{name: a, idle_timout: 30m}]")
	require.ErrorContains(t, err, "idle_timout")
	_, err = load(t, "policies: [{name: a}]\nfindings: {each: session}")
	require.ErrorContains(t, err, "each")
}

// TestHashKeyIsOpaque: a configuration that is printed does not show its key.
func TestHashKeyIsOpaque(t *testing.T) {
	cfg, err := load(t, everyKey)
	require.NoError(t, err)
	printed := fmt.Sprintf("%v %+v %#v", *cfg, *cfg, *cfg)
	require.NotContains(t, printed, "thirty-two bytes")
	conf := confmap.New()
	require.NoError(t, conf.Marshal(cfg))
	require.NotContains(t, fmt.Sprint(conf.ToStringMap()), "thirty-two bytes")
}

var yamlBlock = regexp.MustCompile("(?s)```yaml\n(.*?)```")

// TestDocumentedConfigs: what documentation shows can be used. A hash key from
// the environment stands for one.
func TestDocumentedConfigs(t *testing.T) {
	for _, path := range []string{"README.md", "../../README.md"} {
		text, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			continue
		}
		require.NoError(t, err)
		for _, block := range yamlBlock.FindAllStringSubmatch(string(text), -1) {
			retrieved, err := confmap.NewRetrievedFromYAML([]byte(strings.ReplaceAll(block[1], "${env:SESSION_HASH_KEY}", strings.Repeat("k", minHashKey))))
			require.NoError(t, err, block[1])
			conf, err := retrieved.AsConf()
			if err != nil {
				continue // a list, or a part of something
			}
			for key, sub := range conf.ToStringMap() {
				processors, ok := sub.(map[string]any)
				if key != "processors" || !ok {
					continue
				}
				for id, body := range processors {
					settings, ok := body.(map[string]any)
					if !strings.HasPrefix(id, "session_timeout") || !ok {
						continue
					}
					cfg := createDefaultConfig()
					require.NoError(t, confmap.NewFromStringMap(settings).Unmarshal(cfg), "%s: %s", path, block[1])
					require.NoError(t, confmap.Validate(cfg), "%s: %s", path, block[1])
				}
			}
		}
	}
}
