package session

import (
	"flag"
	"os"
	"testing"
)

// TestMain leaves out, where SESSION_QUICK is set, what takes seconds and the
// search for a smaller counterexample: so make mutate can ask a thousand times
// whether the suite still is green.
func TestMain(m *testing.M) {
	if os.Getenv("SESSION_QUICK") != "" {
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
