package advice

import (
	"slices"
	"strings"
)

const (
	// mostNames of a service are watched.
	mostNames = 64
	// shownNames of them may be shown.
	shownNames = 8
	// manySessions is in how many a name must have been seen to be shown: what fewer
	// have may be somebody's secret.
	manySessions = 20
	// longestName of those that are looked at, in bytes.
	longestName = 40
)

// names are those of cookies, claims, attributes or events, with some of the
// values that they had, hashed: different values are different sessions.
type names struct{ all []named }

type named struct {
	name   string
	values [manySessions]uint64
	n      int
}

// add takes note that a name had a value.
func (s *names) add(name string, value uint64) {
	i := s.index(name)
	if i < 0 {
		if !isName(name) {
			return
		}
		if i = s.room(); i < 0 {
			return
		}
		s.all[i] = named{name: strings.Clone(name)}
	}
	x := &s.all[i]
	if x.n < manySessions && !slices.Contains(x.values[:x.n], value) {
		x.values[x.n] = value
		x.n++
	}
}

// room is where a new name may stand: in place of one that was seen in one session
// alone where all are taken, so that invented names push out one another.
func (s *names) room() int {
	if len(s.all) < mostNames {
		s.all = append(s.all, named{})
		return len(s.all) - 1
	}
	for i := range s.all {
		if s.all[i].n == 1 {
			return i
		}
	}
	return -1
}

func (s *names) index(name string) int {
	for i := range s.all {
		if s.all[i].name == name {
			return i
		}
	}
	return -1
}

// shown are the names that many sessions have, those first that sound like one.
func (s *names) shown() (shown []string) {
	for i := range s.all {
		if s.all[i].n == manySessions {
			shown = append(shown, s.all[i].name)
		}
	}
	slices.SortFunc(shown, func(a, b string) int {
		if x, y := soundsLikeSession(a), soundsLikeSession(b); x != y {
			if x {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	})
	return shown[:min(len(shown), shownNames)]
}

// sounding reports whether one of them sounds like a session's.
func (s *names) sounding() bool {
	return slices.ContainsFunc(s.all, func(x named) bool { return soundsLikeSession(x.name) && x.name != "sub" })
}

func soundsLikeSession(name string) bool {
	low := strings.ToLower(name)
	return strings.Contains(low, "sess") || strings.HasSuffix(low, "sid") || strings.Contains(low, "auth") || low == "sub"
}

// isName reports whether a text is a name that may be shown: short, of letters that
// names have, and unlike an id.
func isName(text string) bool {
	if text == "" || len(text) > longestName {
		return false
	}
	digits, run, runDigits := 0, 0, 0
	for i := range len(text) {
		c := text[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z'
		digit := c >= '0' && c <= '9'
		switch {
		case !letter && !digit && c != '_' && c != '-' && c != '.' && c != ' ':
			return false
		case digit:
			digits++
		}
		// A run of letters and digits, mixed.
		if letter || digit {
			run++
			if digit {
				runDigits++
			}
		} else {
			run, runDigits = 0, 0
		}
		if run >= 12 && runDigits >= 2 {
			return false
		}
	}
	return digits <= 4
}
