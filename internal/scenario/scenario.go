package scenario

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/collector/confmap"
)

// The files of a scenario.
const (
	fileConfig    = "config.yaml"
	fileTelemetry = "telemetry"
	fileMarks     = "marks" // optional
	fileFindings  = "findings"
	fileMetrics   = "metrics"
)

// hashKey is the key of every scenario's pseudonyms.
const hashKey = "scenarios are played with this key"

// Scenario is one of the files in testdata/scenarios.
type Scenario struct {
	Name string
	path string
	text *archive

	config map[string]any
	day    string // that its times are of unless they say another
	// deliveries in the order of their arrival.
	deliveries []delivery
	end        time.Time // when the clock stops, if later than it had to
	shutdown   time.Time // when the collector stops, if it does before
	// pseudonyms are shown as they are, not as <id>.
	pseudonyms bool
	// order says why the outcome depends on when things arrive; else it must
	// not.
	order string
	// inTime: everything arrives when it is over.
	inTime bool
}

// delivery is what arrives at one instant.
type delivery struct {
	at      time.Time
	records []*record
}

// Load reads a scenario.
func Load(path string) (*Scenario, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	s := &Scenario{
		Name: strings.TrimSuffix(filepath.Base(path), filepath.Ext(path)),
		path: path, text: parseArchive(string(text)),
	}
	for _, name := range []string{fileConfig, fileTelemetry} {
		if s.text.find(name) == nil {
			return nil, fmt.Errorf("%s: no %s", path, name)
		}
	}
	for _, f := range s.text.files {
		switch f.name {
		case fileConfig, fileTelemetry, fileMarks, fileFindings, fileMetrics:
		default:
			return nil, fmt.Errorf("%s:%d: no scenario has a file %q", path, f.line, f.name)
		}
	}
	if err := s.readConfig(); err != nil {
		return nil, fmt.Errorf("%s: %s: %w", path, fileConfig, err)
	}
	if err := s.readTelemetry(); err != nil {
		return nil, fmt.Errorf("%s:%w", path, err)
	}
	return s, nil
}

// Comment is what the file says before it begins.
func (s *Scenario) Comment() string { return s.text.comment }

// readConfig reads the processor's configuration. What it does not say is the
// default, but for a hash key that all scenarios share, and for the room of a
// million sessions and requests, which nothing here needs.
func (s *Scenario) readConfig() error {
	conf := confmap.NewFromStringMap(map[string]any{
		"session_id":          map[string]any{"hash_key": hashKey},
		"max_sessions":        1000,
		"max_recent_requests": 1000,
	})
	yaml, err := confmap.NewRetrievedFromYAML([]byte(s.text.find(fileConfig).text))
	if err != nil {
		return err
	}
	said, err := yaml.AsConf()
	if err != nil {
		return err
	}
	if err := conf.Merge(said); err != nil {
		return err
	}
	s.config = conf.ToStringMap()
	return nil
}

// readTelemetry reads records and directives, line by line.
func (s *Scenario) readTelemetry() error {
	f := s.text.find(fileTelemetry)
	day := defaultDay
	s.inTime = true
	s.day = time.Date(day.year, day.month, day.day, 0, 0, 0, 0, time.UTC).Format(time.DateOnly)
	var together *delivery // what indented lines belong to
	n := 0
	for i, l := range strings.Split(f.text, "\n") {
		line := f.line + i
		fail := func(err error) error { return fmt.Errorf("%d: %w", line, err) }
		indented := strings.HasPrefix(l, " ")
		words, err := splitWords(l)
		if err != nil {
			return fail(err)
		}
		if len(words) == 0 {
			continue
		}
		if !indented && together != nil {
			s.deliveries = append(s.deliveries, *together)
			together = nil
		}
		switch words[0] {
		case "@on":
			if day, err = parseDay(words[1:]); err != nil {
				return fail(err)
			}
			if n == 0 {
				s.day = words[1]
			}
			continue
		case "@pseudonyms":
			s.pseudonyms = true
			continue
		case "@order":
			s.order = strings.Join(words[1:], " ")
			continue
		case "@arrive", "@until", "@shutdown":
			if len(words) != 2 {
				return fail(errors.New("want one time"))
			}
			at, err := day.instant(words[1])
			if err != nil {
				return fail(err)
			}
			switch words[0] {
			case "@arrive":
				s.inTime = false
				together = &delivery{at: at}
			case "@until":
				s.end = at
			case "@shutdown":
				s.shutdown = at
			}
			continue
		}
		n++
		r, err := parseRecord(line, n, words, day)
		if err != nil {
			return fail(err)
		}
		switch {
		case !indented:
			s.deliveries = append(s.deliveries, delivery{at: r.end, records: []*record{r}})
		case together == nil:
			return fail(errors.New("an indented line belongs under an @arrive"))
		default:
			together.records = append(together.records, r)
		}
	}
	if together != nil {
		s.deliveries = append(s.deliveries, *together)
	}
	slices.SortStableFunc(s.deliveries, func(a, b delivery) int { return a.at.Compare(b.at) })
	if len(s.deliveries) == 0 {
		return fmt.Errorf("%d: nothing happens", f.line)
	}
	return nil
}

// splitWords splits a line at spaces that stand in no quotes, up to a #.
func splitWords(line string) (words []string, err error) {
	var word strings.Builder
	begun, quoted := false, false
	for _, c := range line {
		switch {
		case c == '"':
			quoted, begun = !quoted, true
		case quoted:
			word.WriteRune(c)
		case c == '#' && !begun:
			return words, nil
		case c == ' ' || c == '\t':
			if begun {
				words = append(words, word.String())
				word.Reset()
				begun = false
			}
		default:
			word.WriteRune(c)
			begun = true
		}
	}
	if quoted {
		return nil, errors.New("a quote is not closed")
	}
	if begun {
		words = append(words, word.String())
	}
	return words, nil
}

// Write stores what was found in the scenario's file, for a person to read.
func (s *Scenario) Write(o *Outcome) error {
	s.text.set(fileFindings, o.Findings)
	s.text.set(fileMetrics, o.Metrics)
	if s.text.find(fileMarks) != nil {
		s.text.set(fileMarks, o.Marks)
	}
	order := []string{fileConfig, fileTelemetry, fileMarks, fileFindings, fileMetrics}
	slices.SortFunc(s.text.files, func(a, b file) int { return slices.Index(order, a.name) - slices.Index(order, b.name) })
	return os.WriteFile(s.path, []byte(s.text.String()), 0o644) //nolint:gosec // everybody may read it
}

// Want is what the file expects. Marks are what was seen where it does not say.
func (s *Scenario) Want(seen *Outcome) *Outcome {
	want := &Outcome{Marks: seen.Marks}
	if f := s.text.find(fileMarks); f != nil {
		want.Marks = f.text
	}
	if f := s.text.find(fileFindings); f != nil {
		want.Findings = f.text
	}
	if f := s.text.find(fileMetrics); f != nil {
		want.Metrics = f.text
	}
	return want
}

// listed are the metrics that the file names beside those that are always shown.
func (s *Scenario) listed() map[string]bool {
	names := map[string]bool{}
	if f := s.text.find(fileMetrics); f != nil {
		for l := range strings.Lines(f.text) {
			if words := strings.Fields(l); len(words) > 0 {
				names[words[0]] = true
			}
		}
	}
	return names
}

// OrderMatters reports whether the file says (`@order why`) that its outcome
// depends on when things arrive.
func (s *Scenario) OrderMatters() bool { return s.order != "" }

// InTime reports whether everything arrives when it is over, so that counters
// are the same in a replay: what was counted before late evidence came stays
// counted.
func (s *Scenario) InTime() bool { return s.inTime }
