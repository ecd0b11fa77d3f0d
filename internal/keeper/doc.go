// Package keeper keeps an engine in a storage: checkpoints, journal, uptime and restore, and the queue of
// findings that have not left.
//
// A checkpoint holds what the engine knew at one instant. It is written in small steps beside the facts that
// come meanwhile, and is valid with its last write, which also holds the findings that wait at that instant
// and the place where the journal goes on. The journal holds, where it is on, each fact that came since, in
// the order in which the engine observed them. The uptime says until when all of this is known to be so. A
// start reads these, gives the engine the facts of the journal once more, and declares blind what may be
// missing.
//
// The keeper knows no pipelines, no metrics and no configuration of a component: its [Config] has what it
// must be told.
package keeper
