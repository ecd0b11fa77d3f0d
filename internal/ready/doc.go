// Package ready turns what a running collector shows of itself into sentences:
// why nothing can be found, why findings would be false, and why they are fewer
// than they could be. It also says how a collector has to be configured so that
// it judges a recording.
package ready
