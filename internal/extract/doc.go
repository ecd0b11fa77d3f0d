// Package extract turns spans and log records into facts about sessions.
//
// An [Extractor] knows which attributes hold what, in today's names and in
// yesterday's; it keeps no state between records and decides nothing about
// sessions. It reads attributes only (never a log record's body), changes
// nothing that it reads, and in steady state allocates nothing.
//
// One file holds one idea: keys.go finds the attributes that matter in one
// pass, sessionid.go and hash.go say whose record it is, outcome.go what the
// service made of the request, routes.go which requests are exempt, passive or
// streams and routeparts.go which routes need no look, hide.go what is not
// quoted, events.go what an event says, policymatch.go which policy governs,
// tracestate.go whether other spans were dropped; spans.go and logs.go put
// these together.
package extract
