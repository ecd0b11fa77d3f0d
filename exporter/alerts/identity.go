package alerts

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// alertName is the alertname of every alert.
const alertName = "SessionServedAfterExpiry"

// The labels of the contract.
const (
	labelAlertName   = "alertname"
	labelSeverity    = "severity"
	labelPolicy      = "policy"
	labelViolation   = "violation"
	labelService     = "service_name"
	labelNamespace   = "service_namespace"
	labelEnvironment = "deployment_environment_name"
)

// labelName is what every version of Alertmanager takes as a label's name.
var labelName = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)

// identity tells alerts apart: equal identities are one alert. It never holds what is a session's,
// a user's or a request's own, so that an alert stays one however many sessions it is about.
type identity struct {
	Severity    string `json:"severity"`
	Policy      string `json:"policy,omitempty"`
	Violation   string `json:"violation"`
	Service     string `json:"service_name,omitempty"`
	Namespace   string `json:"service_namespace,omitempty"`
	Environment string `json:"deployment_environment_name,omitempty"`
}

// field is one label of an identity.
type field struct {
	label string
	value *string
}

// fields lists the labels that an identity consists of.
func (id *identity) fields() [6]field {
	return [6]field{
		{labelSeverity, &id.Severity},
		{labelPolicy, &id.Policy},
		{labelViolation, &id.Violation},
		{labelService, &id.Service},
		{labelNamespace, &id.Namespace},
		{labelEnvironment, &id.Environment},
	}
}

// labels returns the alert's labels, static ones included and empty ones left out.
func (id identity) labels(static map[string]string) map[string]string {
	labels := make(map[string]string, len(static)+7)
	maps.Copy(labels, static)
	labels[labelAlertName] = alertName
	for _, f := range id.fields() {
		if *f.value != "" {
			labels[f.label] = *f.value
		}
	}
	return labels
}

func validateLabels(labels map[string]string) error {
	reserved := map[string]bool{labelAlertName: true}
	for _, f := range new(identity).fields() {
		reserved[f.label] = true
	}
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(labels)) {
		value := labels[name]
		switch {
		case reserved[name]:
			errs = append(errs, fmt.Errorf("labels must not set %s, which the exporter sets itself (got %q)", name, value))
		case !labelName.MatchString(name) || strings.HasPrefix(name, "__"):
			errs = append(errs, fmt.Errorf("labels must have names of letters, digits and underscores that begin with no digit and no double underscore (got %q)", name))
		case value == "" || labelValue(value) != value:
			errs = append(errs, fmt.Errorf("labels must have values of 1 to %d bytes of UTF-8 without control characters (%s has %d: %q)", maxLabelValue, name, len(value), labelValue(value)))
		}
	}
	return errors.Join(errs...)
}
