package recipes

import (
	"bytes"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// negative is a record of a sample of which nothing must come.
type negative struct {
	At  string `mapstructure:"at"`  // time of day
	Has string `mapstructure:"has"` // text
}

// kindsOfNegatives are what each sample has.
var kindsOfNegatives = []string{"anonymous", "placeholder", "failed_login"}

// TestNegatives: each sample has somebody anonymous, a placeholder and a failed login.
// That nothing comes of them is [TestRecipes].
func TestNegatives(t *testing.T) {
	for _, r := range recipes(t) {
		t.Run(r.name, func(t *testing.T) {
			require.Len(t, r.want.Negatives, len(kindsOfNegatives))
			for _, kind := range kindsOfNegatives {
				n, ok := r.want.Negatives[kind]
				require.True(t, ok, kind)
				require.NotEmpty(t, n.At, kind)
				require.True(t, kind == "anonymous" || n.Has != "", kind)
				lines := r.linesAt(t, n.At)
				require.NotEmpty(t, lines, "%s: no record of %s", kind, n.At)
				found := false
				for _, line := range lines {
					if bytes.Contains(line, []byte(n.Has)) && (kind != "anonymous" || !r.hasSecret(line)) {
						found = true
					}
				}
				require.True(t, found, "%s: none of %d records of %s fits", kind, len(lines), n.At)
				for _, f := range r.want.Findings {
					require.NotContains(t, f.FirstAt, "T"+n.At, "%s: it is a finding's", kind)
				}
			}
		})
	}
}

// linesAt are the records of a sample of this second.
func (r *recipe) linesAt(t *testing.T, clock string) (lines [][]byte) {
	t.Helper()
	for _, path := range r.samples(t) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		for line := range bytes.Lines(content) {
			if isAt(t, string(line), r.day(), clock) {
				lines = append(lines, line)
			}
		}
	}
	return lines
}

// day is that of the sample.
func (r *recipe) day() string {
	if r.name == "go" {
		return "2026-11-23" // it is recorded
	}
	return "2026-11-20"
}

// isAt reports whether a line has this time of day, as OTLP and logs write it.
func isAt(t *testing.T, line, day, clock string) bool {
	t.Helper()
	at, err := time.Parse(time.DateTime, day+" "+clock)
	require.NoError(t, err)
	return strings.Contains(line, `TimeUnixNano":"`+strconv.FormatInt(at.Unix(), 10)) ||
		strings.Contains(line, `timeUnixNano":"`+strconv.FormatInt(at.Unix(), 10)) ||
		!strings.Contains(line, "imeUnixNano") && strings.Contains(line, clock)
}

func (r *recipe) hasSecret(line []byte) bool {
	for _, secret := range r.want.Secrets {
		if bytes.Contains(line, []byte(secret)) {
			return true
		}
	}
	return false
}
