package recipes

import (
	"bytes"
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-session/otelcol-session/internal/advice"
	"github.com/otelcol-session/otelcol-session/internal/ready"
)

const shapesFolder = "../testdata/shapes"

// shape is a row of testdata/shapes/table.yaml.
type shape struct {
	Shape  int    `mapstructure:"shape"`
	Sample string `mapstructure:"sample"` // a folder
	// With, Put and Config are what stands behind the default configuration: in words, a
	// folder with a config.yaml, and keys of session_timeout.
	With   string         `mapstructure:"with"`
	Put    string         `mapstructure:"put"`
	Config map[string]any `mapstructure:"config"`
	// Says has a code of advice, its service, its names and the numbers that it rests on.
	Says []string `mapstructure:"says"`
	// Finds has a type, a state and a number of requests for each finding.
	Finds []string `mapstructure:"finds"`
	// Because argues for a sentence, by its number, that says more than its author named.
	Because map[string]string `mapstructure:"because"`
}

func (s *shape) String() string {
	return strings.Join(slices.DeleteFunc([]string{filepath.Base(s.Sample), s.With, filepath.Base(s.Put)}, func(text string) bool { return text == "" || text == "." }), ", ")
}

// setup is the row's, by its number.
func (s *shape) setup(t *testing.T, row int) *setup {
	t.Helper()
	conf := confmap.New()
	if s.Put != "" {
		require.NoError(t, conf.Merge(parse(t, filepath.Join(shapesFolder, s.Put, "config.yaml"))))
	}
	require.NoError(t, conf.Merge(confmap.NewFromStringMap(map[string]any{"processors": map[string]any{"session_timeout": s.Config}})))
	return &setup{id: fmt.Sprintf("row%d", row), folder: filepath.Join(shapesFolder, s.Sample), conf: conf, finds: true}
}

// TestShapes: of each shape of telemetry `ready` says what should be said, and nothing
// else, and what mends it finds what is there.
func TestShapes(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	rows := shapes(t)
	setups := make([]*setup, 0, len(rows))
	for i := range rows {
		setups = append(setups, rows[i].setup(t, i))
	}
	c := start(t, "info", setups)
	metrics := c.quiet(t, len(rows))
	for i := range rows {
		s := &rows[i]
		t.Run(s.String(), func(t *testing.T) {
			require.Equal(t, list(s.Says), list(says(t, metrics, setups[i].id)))
			require.Equal(t, list(s.Finds), list(c.finds(t, setups[i].id)))
		})
	}
}

func shapes(t *testing.T) (rows []shape) {
	t.Helper()
	table := map[string]any{"rows": parseList(t, filepath.Join(shapesFolder, "table.yaml"))}
	var whole struct {
		Rows []shape `mapstructure:"rows"`
	}
	require.NoError(t, confmap.NewFromStringMap(table).Unmarshal(&whole))
	return whole.Rows
}

// list is for comparing: a difference shows in its lines.
func list(all []string) string { return strings.Join(all, "\n") }

// says is the advice of one setup, with its service, its names and its numbers.
func says(t *testing.T, metrics []byte, id string) (all []string) {
	t.Helper()
	var own bytes.Buffer
	for line := range bytes.Lines(metrics) {
		if bytes.Contains(line, fmt.Appendf(nil, `processor="session_timeout/%s"`, id)) {
			own.Write(line)
		}
	}
	state, err := ready.Parse(own.String())
	require.NoError(t, err)
	for _, a := range state.Advice {
		text := strings.Join(slices.DeleteFunc([]string{a.Code.String(), a.Service, a.Name}, func(word string) bool { return word == "" }), " ")
		if a.N > 0 {
			text += fmt.Sprintf(" %.0f", a.N)
		}
		if a.Of > 0 {
			text += fmt.Sprintf("/%.0f", a.Of)
		}
		all = append(all, text)
	}
	return all
}

// finds is what one setup has found, without what it has taken back.
func (c *collector) finds(t *testing.T, id string) (all []string) {
	t.Helper()
	last := map[string]finding{}
	for _, f := range decode(t, c.findingsOf(t, id)) {
		last[f.id] = f.finding
	}
	for _, f := range last {
		if f.State != "retracted" {
			all = append(all, fmt.Sprintf("%s %s %d", f.Type, f.State, f.Requests))
		}
	}
	slices.Sort(all)
	return all
}

// quiet waits until so many setups have read all and decided all, and returns the
// metrics of then.
func (c *collector) quiet(t *testing.T, setups int) []byte {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	since, read := time.Now(), 0.0
	for {
		metrics, err := c.scrape(ctx)
		if err == nil {
			state, _ := ready.Parse(string(metrics))
			if pending := pendings(metrics); state.Read != read || pending.waiting || pending.shown < setups || bytes.Contains(metrics, []byte(advice.NothingArrived.String())) {
				read, since = state.Read, time.Now()
			}
			if time.Since(since) >= ready.Quiet {
				return metrics
			}
		}
		select {
		case <-ctx.Done():
			require.FailNow(t, "it never came to rest", "%s", c.said(t))
		case <-c.exited:
			require.FailNow(t, "the collector has ended", "%s", c.said(t))
		case <-time.After(200 * time.Millisecond):
		}
	}
}

type pending struct {
	shown   int // setups that show how much waits
	waiting bool
}

func pendings(metrics []byte) (p pending) {
	for _, line := range series.FindAllSubmatch(metrics, -1) {
		if string(line[1]) == "findings_pending" {
			p.shown++
			p.waiting = p.waiting || string(line[3]) != "0"
		}
	}
	return p
}
