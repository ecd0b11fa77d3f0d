// Package e2e holds the end-to-end tests: examples/shop against the collector
// that `make build` leaves in bin, with a real Alertmanager and a real
// Prometheus behind it. All of them listen on loopback, on free ports.
package e2e
