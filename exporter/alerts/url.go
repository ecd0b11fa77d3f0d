package alerts

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// alertsPath is where Alertmanager takes alerts, below its endpoint.
const alertsPath = "/api/v2/alerts"

// traceIDPlaceholder stands for the trace's id in trace_url.
const traceIDPlaceholder = "{{trace_id}}"

// endpoint is one Alertmanager.
type endpoint struct {
	url  string // where alerts are posted
	name string // host and path, for logs and metrics: no credentials
}

func validateEndpoints(single string, several []string) error {
	if single != "" && len(several) > 0 {
		return fmt.Errorf("endpoint and endpoints exclude each other (got %q and %q)", redact(single), redactAll(several))
	}
	if single != "" {
		_, err := parseEndpoint("endpoint", single)
		return err
	}
	if len(several) == 0 {
		return errors.New("endpoint or endpoints must name an Alertmanager (got neither)")
	}
	var errs []error
	seen := map[string]bool{}
	for i, raw := range several {
		e, err := parseEndpoint(fmt.Sprintf("endpoints[%d]", i), raw)
		if err == nil && seen[e.name] {
			err = fmt.Errorf("endpoints must not name one Alertmanager twice (got %q again)", e.name)
		}
		seen[e.name] = true
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

func parseEndpoint(key, raw string) (endpoint, error) {
	u, err := parseLink(key, raw)
	if err != nil {
		return endpoint{}, err
	}
	if u.RawQuery != "" || u.ForceQuery {
		return endpoint{}, fmt.Errorf("%s must not have a query (got %q)", key, redact(raw))
	}
	path := strings.TrimRight(u.Path, "/")
	if strings.HasSuffix(path, alertsPath) {
		return endpoint{}, fmt.Errorf("%s must be the address in front of %s (got %q)", key, alertsPath, redact(raw))
	}
	return endpoint{url: u.JoinPath(alertsPath).String(), name: u.Host + path}, nil
}

// validateLink checks an optional link.
func validateLink(key, raw string) error {
	if raw == "" {
		return nil
	}
	_, err := parseLink(key, raw)
	return err
}

func validateTraceURL(raw string) error {
	if raw == "" {
		return nil
	}
	filled := traceLink(raw, strings.Repeat("0", 32))
	if filled == raw {
		return fmt.Errorf("trace_url must contain %s (got %q)", traceIDPlaceholder, raw)
	}
	if strings.Contains(filled, "{{") {
		return fmt.Errorf("trace_url must contain no placeholder but %s (got %q)", traceIDPlaceholder, raw)
	}
	if _, err := parseLink("trace_url", filled); err != nil {
		return notAbsolute("trace_url", raw)
	}
	return nil
}

// traceLink fills in the template of trace_url.
func traceLink(template, traceID string) string {
	return strings.ReplaceAll(template, traceIDPlaceholder, traceID)
}

func validateConsoleURL(raw string) error {
	if raw == "" {
		return nil
	}
	u, err := parseLink("console_url", raw)
	if err != nil {
		return err
	}
	if u.Fragment != "" {
		return fmt.Errorf("console_url must not have a fragment, which is the finding's (got %q)", raw)
	}
	return nil
}

// consoleLink leads to a finding in the session console, whose address is valid.
func consoleLink(console string, finding uint64) string {
	u, err := url.Parse(console)
	if err != nil {
		return console
	}
	if u.Path == "" {
		u.Path = "/"
	}
	u.Fragment = fmt.Sprintf("/f/%016x", finding)
	return u.String()
}

func parseLink(key, raw string) (*url.URL, error) {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return nil, notAbsolute(key, raw)
	}
	return u, nil
}

func notAbsolute(key, raw string) error {
	return fmt.Errorf("%s must be an absolute http or https URL (got %q)", key, redact(raw))
}

// redact keeps a password in a URL out of an error message, also where the URL does not parse.
func redact(raw string) string {
	scheme, rest, found := strings.Cut(raw, "://")
	if !found {
		scheme, rest = "", raw
	}
	authority, path, slash := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	if at < 0 {
		return raw
	}
	out := "xxxxx" + authority[at:]
	if found {
		out = scheme + "://" + out
	}
	if slash {
		out += "/" + path
	}
	return out
}

func redactAll(raws []string) []string {
	out := make([]string, len(raws))
	for i, raw := range raws {
		out[i] = redact(raw)
	}
	return out
}
