// Package session decides whether a request was served after its session was
// dead.
//
// It is a pure state machine: facts in, findings out. It reads no clock, starts
// no goroutine and knows no telemetry format; the instant at which something
// arrives is a parameter, in nanoseconds since the Unix epoch on the
// collector's clock. An [Engine] is not safe for concurrent use: whoever owns
// it serialises the calls.
//
// One file holds one idea: fact.go says what can be known, policy.go what is
// allowed, timeline.go what a session's past amounts to, expiry.go when it was
// dead, verdict.go what that means for a request, finding.go what is reported.
package session
