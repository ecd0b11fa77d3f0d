package session

import (
	"flag"
	"os"
	"testing"
)

// quick asks only whether the suite still is green, not why it is not: make
// mutate asks that a thousand times.
var quick = os.Getenv("SESSION_QUICK") != ""

// leftOut takes seconds and finds what others find; slow finds something else, and does so last.
const (
	leftOut = "TestBounded|TestLineages|TestVerdictsShrink"
	slow    = "TestTidesMeet|TestWorkIsBounded|TestCrampedEngine|TestCrampedEngineIsNeverWrong|TestBatchSizes|TestSideBySide|TestHotAncestor"
)

// TestMain leaves out, where it must be quick, the search for a smaller counterexample and
// what is not worth its time, and comes to what is slow only where nothing else has failed:
// most changes turn a quick test red.
func TestMain(m *testing.M) {
	flag.Parse()
	if !quick || flag.Lookup("test.run").Value.String() != "" {
		os.Exit(m.Run())
	}
	set := func(name, value string) {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	set("rapid.shrinktime", "1ms")
	set("rapid.nofailfile", "true")
	set("test.skip", "^("+leftOut+"|"+slow+")$")
	if code := m.Run(); code != 0 {
		os.Exit(code)
	}
	set("test.skip", "^("+leftOut+")$")
	set("test.run", "^("+slow+")$")
	os.Exit(m.Run())
}

// noGoroutine skips, under the race detector, what no goroutine is in and takes long
// there.
func noGoroutine(t *testing.T) {
	t.Helper()
	if raceEnabled {
		t.Skip("no goroutine is in it")
	}
}
