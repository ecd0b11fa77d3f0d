// Package session decides whether a request was served after its session was
// dead.
//
// It is a pure state machine: facts in, findings out. It reads no clock, starts
// no goroutine and knows no telemetry format; the instant at which something
// arrives is a parameter, in nanoseconds since the Unix epoch on the
// collector's clock.
//
// # Map
//
// The package is flat, since all of it shares what is under one lock. The names
// of its files say what they are about:
//
//   - engine: what callers see. engine_advance is what falls due as time goes on,
//     engine_lane a share of the sessions, engine_work how work is bounded,
//     engine_stats what is counted.
//   - observe: how a fact is taken. observe_batch takes many, observe_fast the
//     ordinary request by what stands in one entry, observe_request and
//     observe_event all others.
//   - rule: what is allowed (rule_policy), what counts as activity, which request
//     lies inside which, when a session was dead (rule_expiry), what is doubted,
//     what that means for a request (rule_verdict), and how what comes late is held
//     against what came before (rule_review, rule_rebuild). Who wants to change a
//     rule opens one of these.
//   - state: what is remembered. state_timeline is what a session's facts amount
//     to, state_entry what is left of that where nothing works on it, state_table all
//     sessions, state_recent the last requests, state_users who showed what,
//     state_tombstones and state_fingerprints what was thrown away.
//   - finding: what is suspected (finding_suspect has the life of a suspicion), what
//     is found, and when it is sent.
//   - checkpoint: how all of it is stored, beside facts that go on (checkpoint), and
//     in which form: checkpoint_head is the root, the others are one kind each.
//   - restore: how it is read again, whatever of it is lost.
//
// # Invariants
//
//   - The same facts give the same findings, in any order and however often each is
//     delivered. observe_fast must come to what observe_request would.
//   - A fact costs at most 64 units of work, one hold of the lock 4,096
//     (engine_work). What is left over is dirty, and nothing that depends on it is
//     decided before it is done.
//   - Nothing grows without a bound, and what a bound gives up is counted. No verdict
//     rests on what was given up: it is inconclusive, or nothing is said.
//   - Whoever changes what is stored says so before, to one of the methods that are
//     called touch, so that a checkpoint that is under way stores what there was when
//     it began.
//
// # Concurrency
//
// An [Engine] is used under a lock of its owner's. [Engine.Observe] and
// [Checkpoint.Fill] may run beside themselves and each other under a read lock: they
// touch one shard at a time, under the shard's own lock, and change nothing else. All
// other methods need the lock for themselves; where a comment says that none is
// needed, they need none.
package session
