package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/stretchr/testify/require"
)

// shown is all that the session console shows: its page, its API, each finding, and the
// stream up to the last of the so many findings that there are.
func (c *collector) shown(findings int) []byte {
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
	var list struct {
		Findings []struct{ ID string }
	}
	require.NoError(c.t, json.Unmarshal(ask("/api/v1/findings?limit=1000"), &list))
	require.Len(c.t, list.Findings, findings, "the console shows what is found")
	for _, f := range list.Findings {
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
	return all.Bytes()
}
