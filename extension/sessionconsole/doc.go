//go:generate go tool -modfile=../../internal/tools/go.mod mdatagen metadata.yaml

// Package sessionconsole is an extension that shows what the session_timeout processors of
// its collector find: a page, an API and a stream of events, all read only.
package sessionconsole
