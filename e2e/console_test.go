package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// shownFinding is a finding as the console's API has it.
type shownFinding struct {
	ID, Type, State, Sentence, Service, Session, User string
	Revision, Requests                                int
	ExpiredAt                                         string `json:"expired_at"`
	FirstAt                                           string `json:"first_at"`
	LastAt                                            string `json:"last_at"`
	Overrun, Limit                                    float64
}

// requireShown: what the console shows is what the findings say that left.
func requireShown(t *testing.T, shown []shownFinding, left map[string]finding) {
	t.Helper()
	require.Len(t, shown, len(left))
	for _, s := range shown {
		f := left[s.ID]
		same := func(instant, name string) {
			t.Helper()
			at, err := time.Parse(time.RFC3339Nano, instant)
			require.NoError(t, err)
			require.Equal(t, f.time(t, name), at, name)
		}
		same(s.ExpiredAt, "expired_at")
		same(s.FirstAt, "first_at")
		same(s.LastAt, "last_at")
		require.Equal(t, shownFinding{
			ID: f.text("id"), Type: f.text("type"), State: f.text("state"), Sentence: f.Body().Str(), Service: f.service(),
			Session: f.text("session"), User: f.text("user"), Revision: f.number("revision"), Requests: f.number("requests"),
			ExpiredAt: s.ExpiredAt, FirstAt: s.FirstAt, LastAt: s.LastAt,
			Overrun: f.attribute("session_timeout.overrun").Double(), Limit: f.attribute("session_timeout.limit").Double(),
		}, s)
	}
}

// shown is all that the session console shows: its page, its API, each finding, and the
// stream up to the last of the so many findings that there are.
func (c *collector) shown(findings int) (raw []byte, list []shownFinding) {
	c.t.Helper()
	var all bytes.Buffer
	ask := func(path string) []byte {
		c.t.Helper()
		body, err := get(c.t.Context(), "http://"+c.console+path)
		require.NoError(c.t, err)
		all.Write(body)
		return body
	}
	for _, path := range []string{"/", "/app.js", "/app.css", "/api/v1/state", "/api/v1/services", "/api/v1/policies"} {
		ask(path)
	}
	var answer struct{ Findings []shownFinding }
	require.NoError(c.t, json.Unmarshal(ask("/api/v1/findings?limit=1000"), &answer))
	list = answer.Findings
	require.Len(c.t, list, findings, "the console shows what is found")
	for _, f := range list {
		var detail struct {
			Timeline struct{ Requests, Events, Spells []json.RawMessage }
		}
		require.NoError(c.t, json.Unmarshal(ask("/api/v1/findings/"+f.ID), &detail))
		require.NotEmpty(c.t, detail.Timeline.Requests)
		require.NotEmpty(c.t, detail.Timeline.Spells)
	}

	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet, "http://"+c.console+"/api/v1/events", nil)
	require.NoError(c.t, err)
	response, err := http.DefaultClient.Do(request)
	require.NoError(c.t, err)
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, 1<<20)
	for n := 0; n < findings || !strings.HasPrefix(lines.Text(), "event: state"); {
		require.True(c.t, lines.Scan(), "the stream ended: %v", lines.Err())
		all.Write(lines.Bytes())
		if lines.Text() == "event: finding" {
			n++
		}
	}
	require.True(c.t, lines.Scan())
	all.Write(lines.Bytes())
	return all.Bytes(), list
}
