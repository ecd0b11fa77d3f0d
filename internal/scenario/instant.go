package scenario

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// calendar is the day and the zone that a time of day is of.
type calendar struct {
	year  int
	month time.Month
	day   int
	zone  *time.Location
}

// defaultDay is an ordinary day: no clock of the world is set anew around it.
var defaultDay = calendar{2026, time.January, 15, time.UTC}

// parseDay reads `2026-03-29` or `2026-03-29 Europe/Berlin`.
func parseDay(words []string) (calendar, error) {
	if len(words) == 0 || len(words) > 2 {
		return calendar{}, errors.New("want a date, and perhaps a zone")
	}
	d, err := time.Parse(time.DateOnly, words[0])
	if err != nil {
		return calendar{}, err
	}
	c := calendar{d.Year(), d.Month(), d.Day(), time.UTC}
	if len(words) == 2 {
		c.zone, err = time.LoadLocation(words[1])
	}
	return c, err
}

// instant reads `10:00`, `10:00:00.000000001` or `02:30:00+02:00` as a time of
// the day, and `2026-03-29T01:59:00+01:00` or `2026-03-29T01:59:00[Europe/Berlin]`
// as what it is.
func (c calendar) instant(s string) (time.Time, error) {
	text := s
	if date, clock, ok := strings.Cut(s, "T"); ok {
		zone := ""
		if i := strings.IndexByte(clock, '['); i >= 0 && strings.HasSuffix(clock, "]") {
			clock, zone = clock[:i], clock[i+1:len(clock)-1]
		}
		day := []string{date}
		if zone != "" {
			day = append(day, zone)
		} else if !hasOffset(clock) {
			return time.Time{}, fmt.Errorf("%s: a date and time need an offset or a zone", text)
		}
		var err error
		if c, err = parseDay(day); err != nil {
			return time.Time{}, fmt.Errorf("%s: %w", text, err)
		}
		s = clock
	}
	for _, layout := range []string{"15:04", "15:04:05", "15:04:05.999999999"} {
		if t, err := time.Parse(layout, s); err == nil {
			return c.at(t, text)
		}
		if t, err := time.Parse(layout+"Z07:00", s); err == nil {
			return time.Date(c.year, c.month, c.day, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), t.Location()), nil
		}
	}
	return time.Time{}, fmt.Errorf("%s is no time", text)
}

func hasOffset(clock string) bool { return strings.ContainsAny(clock, "Z+-") }

// at is the wall clock's time in the zone. Where the clock is set anew, a time
// may come twice or never: then the offset must be said.
func (c calendar) at(clock time.Time, text string) (time.Time, error) {
	t := time.Date(c.year, c.month, c.day, clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), c.zone)
	if t.Hour() != clock.Hour() || t.Minute() != clock.Minute() {
		return t, fmt.Errorf("%s does not exist on that day in %s", text, c.zone)
	}
	for _, d := range []time.Duration{-time.Hour, -30 * time.Minute, 30 * time.Minute, time.Hour} {
		if o := t.Add(d); o.Hour() == t.Hour() && o.Minute() == t.Minute() {
			return t, fmt.Errorf("%s comes twice on that day in %s: say with which offset", text, c.zone)
		}
	}
	return t, nil
}

// clock writes an instant as a scenario does: in UTC, without the date if that
// is the scenario's first.
func (s *Scenario) clock(t time.Time) string {
	t = t.UTC()
	if t.Format(time.DateOnly) == s.day {
		return t.Format("15:04:05.999999999")
	}
	return t.Format(time.RFC3339Nano)
}
