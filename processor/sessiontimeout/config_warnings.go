package sessiontimeout

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// Warnings are of what is allowed and hardly meant: for each a sentence that
// names the key, what is the matter and what to do, and the value unless it is
// secret. They are logged when the processor is created.
func (c *Config) Warnings() []string {
	w := c.warnHashKey()
	for i := range c.Policies {
		w = append(w, warnMatch(fmt.Sprintf("policies::%d", i), c.Policies[i].Match)...)
		// With a longer limit, it is no valid configuration.
		if p := &c.Policies[i]; p.IdleTimeout > 0 && p.IdleTimeout+p.Tolerance >= c.Retention {
			w = append(w, fmt.Sprintf("policies::%d::idle_timeout: with tolerance no shorter than retention, which is %v: "+
				"a session is forgotten before it can be found idle for too long; make retention longer (got %v)", i, c.Retention, p.IdleTimeout))
		}
	}
	if c.LogRequestSlack >= c.Retention {
		w = append(w, fmt.Sprintf("log_request_slack: no shorter than retention, which is %v: a session is forgotten before a request that only an access log tells of, "+
			"without its length, can be found too late; make retention longer (got %v)", c.Retention, c.LogRequestSlack))
	}
	w = append(w, warnMethods("exempt", c.Exempt)...)
	w = append(w, warnMethods("passive", c.Passive)...)
	for _, list := range c.ruleLists() {
		for i := range list.rules {
			w = append(w, warnMatch(fmt.Sprintf("%s::%d", list.key, i), list.rules[i].Match)...)
		}
	}
	for _, list := range c.sourceLists() {
		for i := range list.sources {
			// Claims with a namespace are URLs.
			if claim := list.sources[i].Claim; strings.ContainsAny(claim, ".$[") && !strings.Contains(claim, "://") {
				w = append(w, fmt.Sprintf("%s::%d::claim: hardly a top-level claim, and what is in one is not looked at; "+
					"write it to an attribute of its own, for example by a transform (got %q)", list.key, i, claim))
			}
		}
	}
	const refused = "what comes later than max_age is refused"
	switch {
	case c.MaxAge == 0:
	case c.MaxAge < c.DecisionWait:
		w = append(w, fmt.Sprintf("max_age: shorter than decision_wait, which is %v: %s, so nothing comes to wait for; 0 is no bound, for a replay (got %v)",
			c.DecisionWait, refused, c.MaxAge))
	case c.MaxAge < c.ReorderWindow:
		w = append(w, fmt.Sprintf("max_age: shorter than reorder_window, which is %v: %s, so nothing can be put in order that far back; 0 is no bound, for a replay (got %v)",
			c.ReorderWindow, refused, c.MaxAge))
	}
	return w
}

// warnMethods warns of rules that fit almost every request.
func warnMethods(key string, rules []extract.Rule) []string {
	var methods []string
	for i := range rules {
		if r := &rules[i]; len(r.Routes)+len(r.Match) == 0 {
			methods = append(methods, r.Methods...)
		}
	}
	if !containsFold(methods, "GET") || !containsFold(methods, "POST") {
		return nil
	}
	return []string{fmt.Sprintf("%s: leaves hardly a request to be judged: name routes instead (got methods %q)", key, methods)}
}

func containsFold(list []string, text string) bool {
	return slices.ContainsFunc(list, func(s string) bool { return strings.EqualFold(s, text) })
}

// regular finds what hardly stands in a value but as a regular expression.
var regular = regexp.MustCompile(`^\^|\$$|\.\+|\\[dwsDWS.]|\([^)]*\|[^)]*\)|\[[^\]]+-[^\]]+\]`)

// warnMatch warns of names and values that hardly any attribute has.
func warnMatch(at string, match map[string][]string) (w []string) {
	for _, name := range sortedKeys(match) {
		key := fmt.Sprintf("%s::match::%s", at, name)
		if known, ok := conventional[bare(name)]; ok && known != name {
			w = append(w, fmt.Sprintf("%s: hardly an attribute's name: the conventions say %s (got %q)", key, known, name))
		}
		if name == "http.route" { // a regular expression in some frameworks
			continue
		}
		for j, value := range match[name] {
			if regular.MatchString(value) {
				w = append(w, fmt.Sprintf("%s::%d: is compared as it stands, not as a regular expression; a trailing * matches any rest (got %q)", key, j, value))
			}
		}
	}
	return w
}

// conventional are names of attributes by which policies are told apart, by
// their letters.
var conventional = func() map[string]string {
	names := map[string]string{}
	for _, name := range []string{
		"service.name", "service.namespace", "service.version", "service.instance.id",
		"deployment.environment", "deployment.environment.name",
		"cloud.provider", "cloud.region", "cloud.account.id", "cloud.platform",
		"host.name", "host.id", "container.name", "container.image.name", "process.executable.name",
		"k8s.cluster.name", "k8s.namespace.name", "k8s.deployment.name", "k8s.pod.name", "k8s.node.name", "k8s.container.name",
		"telemetry.sdk.language", "telemetry.sdk.name",
		"http.route", "http.method", "http.request.method", "http.status_code", "http.response.status_code", "http.target",
		"url.path", "url.scheme", "url.full", "server.address", "server.port", "network.protocol.name",
		"rpc.system", "rpc.system.name", "rpc.service", "rpc.method",
		"messaging.system", "messaging.destination.name", "messaging.operation.name",
		"user.id", "user.name", "user.roles", "enduser.id", "enduser.role", "session.id", "client.address", "user_agent.original",
	} {
		names[bare(name)] = name
	}
	return names
}()

// bare are the letters of a name, by which its spellings are the same.
func bare(name string) string {
	return strings.NewReplacer(".", "", "_", "", "-", "", " ", "").Replace(strings.ToLower(name))
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
