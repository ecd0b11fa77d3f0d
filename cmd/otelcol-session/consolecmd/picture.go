package consolecmd

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

const (
	leastWidth = 60
	// nameWidth is what the names of lanes take.
	nameWidth = 12
	// leastGap is how many columns lie between expiry and first late request at least, or
	// the end of the session has a scale of its own.
	leastGap  = 5
	mostLanes = 8
)

// scale is linear, from instants to columns.
type scale struct {
	from, to console.Instant
	columns  int
}

// column of an instant; outside of the scale it is less than 0, or columns and more.
func (s scale) column(at console.Instant) int {
	if at < s.from {
		return -1
	}
	if s.to == s.from {
		return 0
	}
	return int(float64(at-s.from) / float64(s.to-s.from) * float64(s.columns-1))
}

// row is one line of the picture.
type row []rune

func newRow(n int, fill rune) row {
	r := make(row, n)
	for i := range r {
		r[i] = fill
	}
	return r
}

func (r row) set(column int, mark rune) {
	if column >= 0 && column < len(r) {
		r[column] = mark
	}
}

func (r row) fill(from, to int, mark rune) {
	for i := max(from, 0); i < min(to, len(r)); i++ {
		r[i] = mark
	}
}

// write puts a text so that it begins at column, or ends within the row.
func (r row) write(column int, text string) {
	runes := []rune(text)
	at := max(0, min(column, len(r)-len(runes)))
	copy(r[at:], runes)
}

var marks = map[string]rune{"served": '●', "late": '◆', "refused": '⊘', "undecidable": '■', "exempt": '·'}

// draw draws a finding's timeline: its whole life, and where what happened at its end cannot
// be seen in that, the end once more on a scale of its own.
func draw(w io.Writer, d *console.Detail, width int) {
	n := width - nameWidth - 2
	begin, end := extent(d)
	whole := scale{begin, end, n}
	lens := whole
	if over := whole.column(d.At) - whole.column(d.ExpiredAt); over < leastGap {
		overrun := max(d.At-d.ExpiredAt, 1)
		k := (max(d.LastAt, d.At)-d.ExpiredAt)*6/10 + overrun
		lens = scale{d.ExpiredAt - k, max(d.LastAt, d.At) + k*35/100, n}
		overview(w, d, whole)
	}
	picture(w, d, lens)
}

// extent is from when to when the session is drawn.
func extent(d *console.Detail) (begin, end console.Instant) {
	t := d.Timeline
	begin, end = min(d.StartedAt, t.ClockFrom, d.ExpiredAt), max(d.LastAt, d.At)
	for _, e := range t.Events {
		begin = min(begin, e.At)
	}
	if len(t.Spells) > 0 {
		begin = min(begin, t.Spells[0].From)
	}
	return begin, end + max((end-begin)*6/100, 1)
}

func line(w io.Writer, name string, r row) {
	fmt.Fprintf(w, "%-*s %s\n", nameWidth, shorten(name, nameWidth), strings.TrimRight(string(r), " "))
}

func shorten(s string, n int) string {
	if r := []rune(tidy(s)); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return tidy(s)
}

func axis(s scale) row {
	r := newRow(s.columns, ' ')
	layout := "15:04:05"
	if s.to-s.from < 10e9 {
		layout = "15:04:05.000"
	}
	r.write(0, s.from.Time().Format(layout))
	last := s.to.Time().Format(layout) + " UTC"
	r.write(s.columns-len(last), last)
	return r
}

func overview(w io.Writer, d *console.Detail, s scale) {
	r := newRow(s.columns, ' ')
	for _, spell := range d.Timeline.Spells {
		r.fill(s.column(spell.From), s.column(spell.To)+1, '▄')
	}
	dead := s.column(d.ExpiredAt)
	r.fill(dead, s.columns, '░')
	r.set(dead, '┃')
	line(w, "in use", r)
	line(w, "", axis(s))
	fmt.Fprintln(w)
}

func picture(w io.Writer, d *console.Detail, s scale) {
	t, dead := d.Timeline, s.column(d.ExpiredAt)
	zone := '░'
	if d.State != "confirmed" {
		zone = ' '
	}
	title := newRow(s.columns, ' ')
	since := "dead since " + d.ExpiredAt.Time().Format("15:04:05.000")
	if d.State != "confirmed" {
		since = "dead, as it seemed, since " + d.ExpiredAt.Time().Format("15:04:05.000")
	}
	title.write(dead-len(since)/2, since)
	line(w, "", title)
	for _, e := range t.Events {
		if c := s.column(e.At); c >= 0 && c < s.columns {
			r := newRow(s.columns, ' ')
			text := eventText(e)
			r.write(c, "│ "+text)
			if c+2+len(text) > s.columns {
				r = newRow(s.columns, ' ')
				r.write(c-len(text)-1, text+" │")
			}
			line(w, "", r)
		}
	}
	life := newRow(s.columns, ' ')
	life.fill(s.column(d.StartedAt), dead, '━')
	life.fill(dead, s.columns, zone)
	life.set(dead, '┃')
	if !d.StartKnown {
		life.set(max(s.column(d.StartedAt), 0), '┅')
	}
	line(w, "session", life)
	for _, service := range lanes(d) {
		r := newRow(s.columns, '─')
		for _, n := range t.NotHeld {
			r.fill(max(s.column(n.From), 0), s.column(n.To), '┄')
		}
		if d.State == "confirmed" {
			r.fill(dead, s.columns, zone)
		}
		r.set(dead, '┃')
		for _, b := range t.Blind {
			r.fill(max(s.column(b.From), 0), s.column(b.To)+1, '?')
		}
		for _, kind := range []string{"exempt", "served", "undecidable", "refused", "late"} { // what matters most hides the others
			for _, q := range t.Requests {
				if q.Service == service && q.Kind == kind {
					r.set(s.column(q.Start), marks[kind])
				}
			}
		}
		line(w, orNone(service), r)
	}
	clock := newRow(s.columns, ' ')
	from := max(s.column(t.ClockFrom), 0)
	clock.fill(from, dead, '╌')
	clock.set(from, '├')
	if t.ClockFrom < s.from {
		clock.set(from, '◀')
	}
	clock.set(dead, '┤')
	line(w, "", clock)
	text := newRow(s.columns, ' ')
	text.write(from, clockText(d))
	line(w, "", text)
	line(w, "", axis(s))
	legend(w, d, s.columns+nameWidth+2)
}

func legend(w io.Writer, d *console.Detail, width int) {
	used := []string{}
	names := map[string]string{"served": "served in time", "late": "served too late", "refused": "refused", "undecidable": "undecidable", "exempt": "not judged"}
	for _, kind := range []string{"late", "served", "refused", "undecidable", "exempt"} {
		if slices.ContainsFunc(d.Timeline.Requests, func(r console.Request) bool { return r.Kind == kind }) {
			used = append(used, string(marks[kind])+" "+names[kind])
		}
	}
	if len(d.Timeline.NotHeld) > 0 {
		used = append(used, "┄ not held")
	}
	if len(d.Timeline.Blind) > 0 {
		used = append(used, "? blind")
	}
	indent := strings.Repeat(" ", nameWidth+1)
	line, columns := indent, len(indent)
	for i, u := range used {
		n := len([]rune(u))
		if i > 0 && columns+3+n > width {
			fmt.Fprintln(w, line)
			line, columns = indent, len(indent)
		} else if i > 0 {
			line, columns = line+"   ", columns+3
		}
		line, columns = line+u, columns+n
	}
	fmt.Fprintln(w, line)
}

// lanes are the services, the offender's first, then those that refused it.
func lanes(d *console.Detail) []string {
	all := []string{d.Service}
	for _, kind := range []string{"refused", "late", ""} {
		for _, r := range d.Timeline.Requests {
			if (kind == "" || r.Kind == kind) && !slices.Contains(all, r.Service) {
				all = append(all, r.Service)
			}
		}
	}
	return all[:min(len(all), mostLanes)]
}

func orNone(service string) string {
	if service == "" {
		return "(no name)"
	}
	return service
}

func eventText(e console.Event) string {
	text := map[string]string{
		"login": "login", "start": "start", "rotated_from": "from another id", "rotated_away": "a new id", "end": "ended", "revoked": "all revoked",
	}[e.Kind]
	if e.By != "" {
		text += ", says " + shorten(e.By, 20)
	}
	return text
}

func clockText(d *console.Detail) string {
	limit := seconds(d.Limit)
	switch d.Type {
	case "idle_timeout":
		return "nothing happens: idle limit " + limit
	case "absolute_timeout":
		return "age: absolute limit " + limit
	}
	return "grace " + limit
}
