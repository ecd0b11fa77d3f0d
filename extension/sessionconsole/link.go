package sessionconsole

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// linkValues are what a template may ask for.
var linkValues = map[string]func(*console.Finding) string{
	"{trace_id}": func(f *console.Finding) string { return f.TraceID },
	"{span_id}":  func(f *console.Finding) string { return f.SpanID },
	"{session}":  func(f *console.Finding) string { return f.Session },
	"{service}":  func(f *console.Finding) string { return f.Service },
	"{id}":       func(f *console.Finding) string { return f.ID },
}

var placeholder = regexp.MustCompile(`\{[^{}]*\}`)

// validateLink checks one template of links.
func validateLink(name, template string) error {
	for _, p := range placeholder.FindAllString(template, -1) {
		if linkValues[p] == nil {
			return fmt.Errorf("links::%s: must have no placeholder but %s (got %q)",
				name, strings.Join(slices.Sorted(maps.Keys(linkValues)), ", "), p)
		}
	}
	u, err := url.Parse(placeholder.ReplaceAllString(template, "x"))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("links::%s: must be an absolute http or https URL (got %q)", name, template)
	}
	return nil
}

// links are those of a finding, by name. What it has no value for has no link. Values are
// escaped, so that none can change where a link leads.
func (c *Config) links(f *console.Finding) (all []console.Link) {
	for _, name := range slices.Sorted(maps.Keys(c.Links)) {
		missing := false
		filled := placeholder.ReplaceAllStringFunc(c.Links[name], func(p string) string {
			value := linkValues[p](f)
			missing = missing || value == ""
			return url.QueryEscape(value)
		})
		if !missing {
			all = append(all, console.Link{Name: name, URL: filled})
		}
	}
	return all
}
