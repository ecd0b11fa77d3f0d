package session

import (
	"flag"
	"os"
	"testing"
)

// quick asks only whether the suite still is green, not why it is not: make
// mutate asks that a thousand times.
var quick = os.Getenv("SESSION_QUICK") != ""

// TestMain leaves out, where it must be quick, what takes seconds and the search
// for a smaller counterexample.
func TestMain(m *testing.M) {
	if quick {
		flag.Parse()
		for name, value := range map[string]string{
			"rapid.shrinktime": "1ms", "rapid.nofailfile": "true",
			"test.skip": "^(TestBounded|TestLineages|TestVerdictsShrink)$",
		} {
			if err := flag.Set(name, value); err != nil {
				panic(err)
			}
		}
	}
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
