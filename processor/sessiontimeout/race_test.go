//go:build race

package sessiontimeout

const raceEnabled = true
