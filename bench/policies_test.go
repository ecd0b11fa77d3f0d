package bench

import (
	"fmt"
	"testing"
)

// The subjects of BenchmarkPolicies.
const (
	ofOnePolicy   = "policies=1"
	ofTenPolicies = "policies=10"
)

const onePolicyConfig = `
session_id: {hash_key: 0123456789abcdef0123456789abcdef}
policies: [{name: default, idle_timeout: 30m, absolute_timeout: 12h}]
`

// tenPoliciesConfig has policies by services, by routes and by both, and rules of
// every kind: by attributes, by methods, by routes and what they begin with. Only
// the last policy fits, and no idle limit is shorter than its: sessions that several
// govern, and pauses that are long beside the shortest limit, cost by themselves.
const tenPoliciesConfig = `
session_id: {hash_key: 0123456789abcdef0123456789abcdef}
policies:
  - {name: admin, match: {http.route: ["/admin/*", "/internal/*"]}, idle_timeout: 30m}
  - {name: payments, match: {service.name: [payments, refunds], http.route: ["/pay/*", "/refunds/{id}"]}, idle_timeout: 30m}
  - {name: backoffice, match: {service.name: [backoffice, crm]}, idle_timeout: 45m}
  - {name: exports, match: {http.route: ["/export", "/reports/*"]}, absolute_timeout: 1h}
  - {name: partners, match: {service.namespace: [partners, "b2b-*"]}, absolute_timeout: 24h}
  - {name: staging, match: {deployment.environment.name: [staging, test]}, idle_timeout: 8h}
  - {name: kiosk, match: {app.device: [kiosk]}, idle_timeout: 30m}
  - {name: profile, match: {http.route: ["/me", "/me/password"], http.request.method: [PUT, DELETE]}, idle_timeout: 30m, absolute_timeout: 8h}
  - {name: billing, match: {service.name: [billing], app.tenant: ["b2b-*"]}, idle_timeout: 1h}
  - {name: default, idle_timeout: 30m, absolute_timeout: 12h}
passive: [{methods: [GET], routes: [poll, "/notifications/*"]}, {match: {app.poll: [true]}}]
streams: [{routes: [ws, "/hub/*"]}]
foreground: [{match: {messaging.destination.name: ["orders*"]}}]
outcomes:
  rejected: [{match: {exception.type: [AccessDeniedException]}}, {match: {app.outcome: [denied]}}]
  indeterminate: [{routes: [/graphql], match: {app.errors: [true]}}]
events:
  ended: [session.end, {request: {methods: [POST, DELETE], routes: [logout, sign_out]}}]
`

// policiesLoad lets extraction be most of what a span costs.
var policiesLoad = load{sessions: 10_000, batches: fewBatches, spans: batchSpans, recent: 10_000}

const policiesLoadName = "sessions=10000/from=cache"

// BenchmarkPolicies measures what it costs a span that there are more policies and
// rules than one, none of which fits it but the last.
func BenchmarkPolicies(b *testing.B) {
	for run := range *runs {
		b.Run(fmt.Sprintf("run=%d", run+1), func(b *testing.B) {
			for _, s := range []struct{ name, config string }{{ofOnePolicy, onePolicyConfig}, {ofTenPolicies, tenPoliciesConfig}} {
				benchmark(b, policiesLoadName, policiesLoad, run, s.name, func(l load) (*subject, error) { return startWith(l, s.config) })
			}
		})
	}
}
