// Package driver plays users against the shop over HTTP, and knows which of
// their requests are late.
//
// Each user plays one [Story]. Most of what they do is in order; after a limit
// has passed, or the session has ended, the story goes on with the old cookie,
// as a thief or a forgotten tab would, and the shop has to refuse. Where a fault
// makes the ledger serve such a request, the story reports it as [Expected]:
// that, and nothing else, is what a watcher of the shop's telemetry has to find.
package driver
