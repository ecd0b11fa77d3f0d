package recipes

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// hashKey makes the pseudonyms.
const hashKey = "not a secret: it is only for these samples"

func pseudonym(id string) string {
	mac := hmac.New(sha256.New, []byte(hashKey))
	mac.Write([]byte(id))
	return hex.EncodeToString(mac.Sum(nil))
}

// said is the collector's log.
func (c *collector) said(t *testing.T) []byte {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(c.dir, "log"))
	require.NoError(t, err)
	return content
}

func (c *collector) metrics(t *testing.T) []byte {
	t.Helper()
	content, err := c.scrape(t.Context())
	require.NoError(t, err)
	return content
}

func (c *collector) scrape(ctx context.Context) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.metricsURL, http.NoBody)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return io.ReadAll(response.Body)
}

var (
	series = regexp.MustCompile(`(?m)^(?:otelcol_)?processor_session_timeout_(\w+)\{(.*)\} (\d+)$`)
	label  = regexp.MustCompile(`(\w+)="([^"]*)"`)
)

// counters are the counts that a recipe is held against, by recipe, metric and
// what they are of.
func (c *collector) counters(ctx context.Context) (map[string]map[string]map[string]int, error) {
	content, err := c.scrape(ctx)
	if err != nil {
		return nil, err
	}
	all := map[string]map[string]map[string]int{}
	for _, line := range series.FindAllStringSubmatch(string(content), -1) {
		labels := map[string]string{}
		for _, l := range label.FindAllStringSubmatch(line[2], -1) {
			labels[l[1]] = l[2]
		}
		_, name, _ := bytes.Cut([]byte(labels["processor"]), []byte("/"))
		recipe := string(name)
		kind := labels["seen"] + labels["kind"] + labels["verdict"] + labels["reason"] + labels["advice"]
		n, err := strconv.Atoi(line[3])
		if err != nil {
			return nil, err
		}
		if all[recipe] == nil {
			all[recipe] = map[string]map[string]int{}
		}
		if all[recipe][line[1]] == nil {
			all[recipe][line[1]] = map[string]int{}
		}
		if n > 0 {
			all[recipe][line[1]][kind] += n
		}
	}
	return all, nil
}

// got is what a recipe has found and counted so far.
func (c *collector) got(t *testing.T, name string) expected {
	t.Helper()
	shown, err := c.counters(t.Context())
	require.NoError(t, err)
	of := shown[name]
	e := expected{Records: of["records"], Facts: of["facts"], Requests: of["requests"], Refused: of["facts_refused"]}
	e.Advice = slices.Sorted(maps.Keys(of["advice"]))
	e.Without = slices.Sorted(maps.Keys(shown[name+".bare"]["advice"]))
	last := map[string]finding{}
	for _, f := range decode(t, c.findingsOf(t, name)) {
		last[f.id] = f.finding
	}
	for _, f := range last {
		if f.State != "retracted" {
			e.Findings = append(e.Findings, f)
		}
	}
	return e
}

// findings is the file that a recipe's logs go to.
func (c *collector) findings(name string) string { return filepath.Join(c.dir, name+".json") }

// findingsOf are those that a recipe has found, without the logs that passed:
// raw lines of one finding each, since the processor sends them alone.
func (c *collector) findingsOf(t *testing.T, name string) (lines []byte) {
	t.Helper()
	content, err := os.ReadFile(c.findings(name))
	if !os.IsNotExist(err) {
		require.NoError(t, err)
	}
	for line := range bytes.Lines(content) {
		if bytes.HasSuffix(line, []byte("\n")) && bytes.Contains(line, []byte("session_timeout.violation")) {
			lines = append(lines, line...)
		}
	}
	return lines
}

// decoded is a finding and its own id.
type decoded struct {
	finding
	id string
}

func decode(t *testing.T, lines []byte) (all []decoded) {
	t.Helper()
	for line := range bytes.Lines(lines) {
		logs, err := (&plog.JSONUnmarshaler{}).UnmarshalLogs(line)
		require.NoError(t, err)
		for _, resource := range logs.ResourceLogs().All() {
			for _, scope := range resource.ScopeLogs().All() {
				for _, record := range scope.LogRecords().All() {
					all = append(all, read(resource.Resource(), record))
				}
			}
		}
	}
	return all
}

func read(resource pcommon.Resource, record plog.LogRecord) decoded {
	attribute := func(name string) pcommon.Value {
		if v, ok := record.Attributes().Get("session_timeout." + name); ok {
			return v
		}
		return pcommon.NewValueEmpty()
	}
	service, _ := resource.Attributes().Get("service.name")
	return decoded{id: attribute("id").Str(), finding: finding{
		Session: attribute("session").Str(), User: attribute("user").Str(), Service: service.Str(),
		Type: attribute("type").Str(), State: attribute("state").Str(), Evidence: attribute("evidence").Str(),
		Requests: int(attribute("requests").Int()), FirstAt: record.Timestamp().AsTime().Format(time.RFC3339Nano),
	}}
}

var payload = regexp.MustCompile(`Bearer [\w-]+\.([\w-]+)\.`)

// claimed reports whether a secret is in one of the sample's tokens.
func claimed(sample []byte, secret string) bool {
	for _, match := range payload.FindAllSubmatch(sample, -1) {
		claims, err := base64.RawURLEncoding.DecodeString(string(match[1]))
		if err == nil && bytes.Contains(claims, []byte(secret)) {
			return true
		}
	}
	return false
}
