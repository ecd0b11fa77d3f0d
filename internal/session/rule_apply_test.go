package session

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-session/otelcol-session/internal/session/sessiontest"
)

// tellClosely observes one fact as what is no ordinary request is, and returns what it
// makes dirty.
func (s *stage) tellClosely(text string) (dirty map[string]dirtyFlags) {
	s.t.Helper()
	s.advance(s.now)
	require.Zero(s.t, s.backlog())
	for _, step := range sessiontest.MustParse(text).Steps {
		s.now = max(s.now, step.Now)
		require.True(s.t, s.admit(&step.Fact, s.now))
		s.observeAny(&step.Fact, s.now, s.observed.Add(1))
	}
	dirty = map[string]dirtyFlags{}
	for n := range 4 {
		if t := s.get(sessiontest.SessionName(n).ID); t != nil && t.dirty != 0 {
			dirty[sessiontest.SessionName(n).Raw] = t.dirty
		}
	}
	return dirty
}

// What says nothing new, or what nobody can have been judged by, costs no session a review;
// what may be news does.
func TestNothingNewIsNotReviewed(t *testing.T) {
	const said = "a request at=0s..5s id=1/1\na started at=5s said id=1/1\na request at=6s"
	for name, c := range map[string]struct {
		told, fact string
		dirty      bool
	}{
		"the first request":                                 {"", "a request at=5s", false},
		"the first user":                                    {"", "a request at=5s user=u1", false},
		"a user after others":                               {"a request at=4s", "a request at=5s user=u1", true},
		"the first larger session":                          {"", "a request at=5s linked=b", false},
		"one after others":                                  {"a request at=4s", "a request at=5s linked=b", true},
		"a request as early as the first":                   {"a request at=5s\na request at=6s", "a request at=5s", false},
		"an earlier one":                                    {"a request at=5s\na request at=6s", "a request at=4s", true},
		"an earlier one, no activity":                       {"a request at=5s\na request at=6s", "a request at=4s passive", true},
		"one as early, no activity":                         {"a request at=5s\na request at=6s", "a request at=5s passive", false},
		"as early as the first activity":                    {"a request at=4s passive\na request at=5s\na request at=6s", "a request at=5s", false},
		"before the first activity":                         {"a request at=4s passive\na request at=5s\na request at=6s", "a request at=4.5s", true},
		"as early as the first but for what said the start": {said, "a activity at=5s api", false},
		"before that":                                       {said, "a activity at=4s api", true},
		"a larger session as it was named":                  {"a request at=5s linked=b\na request at=6s", "a request at=5s linked=b api", false},
		"activity as early as the first":                    {"a activity at=5s\na request at=6s", "a activity at=5s api", false},
		"earlier activity":                                  {"a activity at=5s\na request at=6s", "a activity at=4s api", true},
		"a start as early as the first":                     {"a started at=5s\na request at=6s", "a started at=5s api", false},
		"an earlier start":                                  {"a started at=5s\na request at=6s", "a started at=4s api", true},
		"a late start as early as the first":                {"config window=10s\na started at=5s\na request at=60s", "a started at=5s api", false},
		"a late start that is earlier":                      {"config window=10s\na started at=5s\na request at=60s", "a started at=4s api", true},
		"a known larger session":                            {"a request at=4s linked=b", "a request at=5s linked=b", false},
		"which was named later":                             {"a request at=5s linked=b", "a request at=4.5s linked=b\na request at=5s", true},
		"another larger session":                            {"a request at=4s linked=b", "a request at=5s linked=c", true},
		"a larger session after a login":                    {"a request at=4s linked=b\na authenticated at=4.5s", "a request at=5s linked=b", true},
		"a known one in what is late":                       {"config window=10s\na request at=4s linked=b\na request at=60s", "a request at=5s linked=b passive", false},
		"one that was only known by what is late": {
			"config window=10s\na request at=60s\na activity at=4s linked=b\na activity at=60s api", "a request at=61s linked=b", true,
		},
		"a known user": {"a request at=4s user=u1", "a request at=5s user=u1", false},
	} {
		s := newStage(t, standard+c.told, func(c *Config) { c.Linked = true })
		s.tell(c.told)
		dirty := s.tellClosely(c.fact)
		require.Equal(t, c.dirty, len(dirty) > 0, "%s: %v", name, dirty)
	}
}

// A rotation away is something that came of the session, and was its first if it is earlier
// than all others; one that came too late makes it no older.
func TestRotatedAwayFirst(t *testing.T) {
	const said = "config window=20s\na request at=0s..5s id=1/1\na started at=5s said id=1/1\na request at=6s"
	for name, c := range map[string]struct {
		told, fact    string
		first, beside time.Duration // 0: unset
		dirty         dirtyFlags
	}{
		"later":                                  {"a request at=5s\na request at=6s", "b rotated from=a at=5.5s", 5 * time.Second, 0, dirtyVerdicts},
		"as early":                               {"a request at=5s\na request at=6s", "b rotated from=a at=5s", 5 * time.Second, 0, dirtyVerdicts},
		"earlier":                                {"a request at=5s\na request at=6s", "b rotated from=a at=4s", 4 * time.Second, 0, dirtyVerdicts | dirtyLineage},
		"too late":                               {"config window=20s\na request at=5s\na request at=60s", "b rotated from=a at=4s", 5 * time.Second, 0, dirtyVerdicts},
		"as early as what did not say the start": {said, "b rotated from=a at=5s", 0, 5 * time.Second, dirtyVerdicts},
		"earlier than that":                      {said, "b rotated from=a at=4s", 0, 4 * time.Second, dirtyVerdicts | dirtyLineage},
		"too late for that":                      {said + "\na request at=60s", "b rotated from=a at=4s", 0, 5 * time.Second, dirtyVerdicts},
	} {
		s := newStage(t, standard+c.told)
		s.tell(c.told)
		dirty := s.tellClosely(c.fact)
		a := s.get(sessiontest.SessionName(0).ID)
		require.Equal(t, sessiontest.Epoch+int64(c.first), a.first, name)
		beside := int64(unset)
		if c.beside != 0 {
			beside = sessiontest.Epoch + int64(c.beside)
		}
		require.Equal(t, beside, a.firstBeside, name)
		require.Equal(t, c.dirty, dirty["a"], name)
	}
}
