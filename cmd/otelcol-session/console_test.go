package main

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// buffer is written by the demo while the test reads it.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func freeEndpoint(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().String()
}

// TestDemo: the recording's six sentences and an address that opens on a finding, the same
// each time; and it ends when it is told to.
func TestDemo(t *testing.T) {
	t.Setenv("SESSION_HASH_KEY", "")
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	endpoint := freeEndpoint(t)
	cmd := command(settings())
	var out buffer
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs([]string{
		"demo", "--console", endpoint,
		"--set", "receivers.otlp.protocols.grpc.endpoint=localhost:0",
		"--set", "receivers.otlp.protocols.http.endpoint=localhost:0",
		"--set", "extensions.health_check.endpoint=localhost:0",
		"--set", "service.telemetry.metrics.level=none",
	})
	ended := make(chan error, 1)
	go func() { ended <- cmd.ExecuteContext(ctx) }()
	link := regexp.MustCompile(`See why: +(http://\S+)/#/f/([0-9a-f]{16})\n`)
	for !link.MatchString(out.String()) {
		select {
		case err := <-ended:
			t.Fatalf("it ended by itself: %v\n%s", err, &out)
		case <-time.After(50 * time.Millisecond):
		}
	}
	require.Equal(t, 6, strings.Count(out.String(), "\n  ledger served "), out.String())
	m := link.FindStringSubmatch(out.String())
	require.Equal(t, "http://"+endpoint, m[1])
	require.Equal(t, "3f121f405e14b382", m[2], "the recording's key, or what an id is made of, has changed")
	for _, path := range []string{"/", "/api/v1/findings/" + m[2]} {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, m[1]+path, nil)
		require.NoError(t, err)
		response, err := http.DefaultClient.Do(request)
		require.NoError(t, err)
		response.Body.Close()
		require.Equal(t, http.StatusOK, response.StatusCode)
	}

	found := call(t, "findings", "--console", m[1])
	require.Equal(t, 1, found.status, found.stderr)
	require.Equal(t, 6, strings.Count(found.stdout, "\n"))
	why := call(t, "explain", m[2][:6], "--console", m[1])
	require.Equal(t, 1, why.status, why.stderr)
	require.Regexp(t, `(?m)^storefront .*┃.*⊘`, why.stdout, "refused behind the expiry")
	require.Regexp(t, `(?m)^ledger .*┃.*◆`, why.stdout, "and served")

	cancel()
	require.NoError(t, <-ended)
}

// TestDemoNeedsItsPort: it says so where another listens, and starts nothing.
func TestDemoNeedsItsPort(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	got := call(t, "demo", "--console", l.Addr().String())
	require.Equal(t, 3, got.status)
	require.Contains(t, got.stderr, "is another collector running? --console names another address")
	require.Equal(t, 2, call(t, "findings", "--console", "http://"+freeEndpoint(t)).status)
}
