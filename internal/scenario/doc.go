// Package scenario replays what happened to a few sessions against the real
// processor and writes down what it found.
//
// A scenario is one text file in testdata/scenarios: why it exists, a
// configuration, the telemetry (one line a record), and the findings and
// self-metrics that must come of it. testdata/README.md says how one is
// written. A [Scenario] is played by [Scenario.Play] on the fake clock of a
// testing/synctest bubble, so that a day takes no longer than a test may.
package scenario
