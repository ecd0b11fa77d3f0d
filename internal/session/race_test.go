//go:build race

package session

// raceEnabled: the clock says nothing of the code then.
const raceEnabled = true
