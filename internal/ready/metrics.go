package ready

import (
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/advice"
	"github.com/otelcol-session/otelcol-session/internal/clean"
)

// ErrNoProcessor says that nothing in the metrics is a session_timeout processor's.
var ErrNoProcessor = errors.New("no session_timeout processor shows metrics there")

// State is what a collector shows of itself.
type State struct {
	Advice []advice.Advice
	// Read is how many records and facts it has seen, by which one that still
	// reads is told from one that has read all.
	Read float64
}

var (
	series = regexp.MustCompile(`^(?:otelcol_)?processor_session_timeout_(advice|advice_evidence|records|facts|requests|sessions_limit)(?:_total)?\{(.*)\} ([0-9.eE+-]+)$`)
	label  = regexp.MustCompile(`(\w+)="((?:[^"\\]|\\.)*)"`)
)

// longestName is the longest text that is shown of a label, in bytes.
const longestName = 128

// Parse reads metrics in Prometheus' text format. Where several processors are,
// their advice comes together.
func Parse(text string) (State, error) {
	var s State
	found := false
	rests := map[advice.Advice][2]float64{}
	for line := range strings.Lines(text) {
		m := series.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			continue
		}
		found = true
		value, err := strconv.ParseFloat(m[3], 64)
		if err != nil {
			continue
		}
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			labels[l[1]] = unescape(l[2])
		}
		code, known := advice.ParseCode(labels["advice"])
		a := advice.Advice{Code: code, Service: labels["service_name"], Name: labels["name"]}
		switch {
		case m[1] == "records", m[1] == "facts", m[1] == "requests":
			s.Read += value
		case !known:
		case m[1] == "advice":
			s.Advice = append(s.Advice, a)
		case m[1] == "advice_evidence":
			rest := rests[a]
			if labels["part"] == "n" {
				rest[0] += value
			} else {
				rest[1] += value
			}
			rests[a] = rest
		}
	}
	if !found {
		return s, ErrNoProcessor
	}
	for i := range s.Advice {
		a := &s.Advice[i]
		rest := rests[*a]
		a.N, a.Of = rest[0], rest[1]
	}
	if s.Read > 0 { // of several processors one may wait for what does not come
		s.Advice = slices.DeleteFunc(s.Advice, func(a advice.Advice) bool { return a.Code == advice.NothingArrived })
	}
	sort(s.Advice)
	s.Advice = slices.Compact(s.Advice)
	return s, nil
}

// sort puts advice into the order in which it is said.
func sort(all []advice.Advice) {
	slices.SortStableFunc(all, func(a, b advice.Advice) int {
		if c := int(a.Code) - int(b.Code); c != 0 {
			return c
		}
		return strings.Compare(a.Service, b.Service)
	})
}

var escapes = strings.NewReplacer(`\\`, `\`, `\"`, `"`, `\n`, "\n")

func unescape(text string) string { return clean.Text(escapes.Replace(text), longestName) }
