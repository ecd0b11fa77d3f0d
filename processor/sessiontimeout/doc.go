//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package sessiontimeout is a processor that finds requests that were served on a session
// that should have been over.
package sessiontimeout
