//go:build race

package session

// raceEnabled: what no goroutine is in is left out then.
const raceEnabled = true
