// Package deploy holds what runs beside the collector (rules, dashboards, manifests),
// what generates it and what tests it. It is a module of its own, so that whoever builds
// a collector with our components needs nothing of that.
package deploy
