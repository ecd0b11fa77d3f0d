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
// of its files begin with what they are about. From above:
//
//   - restore: how what is stored is read again, whatever of it is lost.
//   - engine: what callers see, and what falls due as time goes on (engine_advance).
//   - observe: how a fact is taken. observe_fast takes the ordinary request by what
//     stands in one entry, observe_request and observe_event all others.
//   - evict: which session gives way, and what is kept of it.
//   - review: how what came late is held against what came before.
//   - finding: what is suspected (finding_suspect has the life of a suspicion), what is
//     decided, and when it is sent.
//   - compact: how a session that nothing works on becomes an entry of the table.
//   - dirty: what has to be done again, and for whom.
//   - rule: what is allowed. What counts as activity, since when a session lasts, and how limits are compared
//     (rule_activity, rule_limits), what a record says of its session (rule_apply),
//     which records are one request or lie inside one (rule_nesting), what
//     it was rotated from (rule_lineage), when it was dead (rule_expiry), what is doubted, and what that means for a request
//     (rule_verdict). Who wants to change a rule opens one of these.
//   - checkpoint: how all of it is stored, beside facts that go on. checkpoint_manifest
//     is the root, the others are one kind each.
//   - state: what is remembered. state_timeline is what a session's facts amount to,
//     state_entry what is left of that where nothing works on it, state_table all
//     sessions, state_recent the last requests, state_users who showed what,
//     state_legacy what was inherited by a rotation,
//     state_tombstones and state_fingerprints what was evicted.
//   - config: policies and bounds.
//
// Each calls those below it, and none calls back ([TestGroups] holds that): what is
// remembered knows no rule, a rule changes no finding, what is found waits for nobody
// who observes. What has to be done later is marked dirty and done by those above. That
// is why dirty is a group of its own, and why eviction, which ends findings, stands over
// them and not beside the table.
//
//	restore    > engine, evict, review, finding, compact, dirty, rule, checkpoint, state
//	engine     > observe, evict, review, finding, compact, dirty, rule, checkpoint, state, config
//	observe    > evict, review, finding, compact, dirty, rule, checkpoint, state, config
//	evict      > review, finding, dirty, rule, checkpoint, state
//	review     > finding, dirty, rule, checkpoint, state
//	finding    > dirty, rule, checkpoint, state, config
//	compact    > rule, state
//	dirty      > checkpoint, state
//	rule       > checkpoint (touch alone), state
//	checkpoint > state
//	state      > config
//
// # Invariants
//
//   - The same facts give the same findings, in any order and however often each is
//     delivered. observe_fast must come to what observe_request would.
//   - A fact costs at most 64 units of work, one hold of the lock 4,096
//     (state_work). What is left over is dirty, and nothing that depends on it is
//     decided before it is done.
//   - Nothing grows without a bound, and what a bound gives up is counted. No verdict
//     rests on what was given up: it is inconclusive, or nothing is said.
//   - Whoever changes what is stored says so before, to one of the methods that are
//     called touch, so that a checkpoint that is under way stores what there was when
//     it began.
//
// # Concurrency
//
// An [Engine] is safe for concurrent use: it owns its lock. The fast path and
// [Checkpoint.Next] share it with one another, and hold the lock of the one shard that
// they look at beside it; all others have it for themselves. Nothing holds it for more
// than a bounded number of units of work. A [Checkpoint] belongs to one caller.
package session
