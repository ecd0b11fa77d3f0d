//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package alerts is an exporter that turns the findings of the session_timeout processor into
// Alertmanager alerts: one alert for each policy, kind of violation and service, held as a lease.
package alerts
