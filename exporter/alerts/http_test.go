package alerts

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/prometheus/alertmanager/api/v2/models"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/component/componenttest"
	"go.opentelemetry.io/collector/config/configopaque"
	"go.opentelemetry.io/collector/config/configtls"
	"go.opentelemetry.io/collector/exporter/exportertest"

	"github.com/otelcol-session/otelcol-session/exporter/alerts/internal/metadata"
)

// TestExporterOverHTTP goes through the client that confighttp makes.
func TestExporterOverHTTP(t *testing.T) {
	type request struct {
		path, header string
		alerts       models.PostableAlerts
	}
	requests := make(chan request, 10)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got := request{path: r.URL.Path, header: r.Header.Get("X-Scope-OrgID")}
		if err := json.NewDecoder(r.Body).Decode(&got.alerts); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
		}
		requests <- got
	})
	server := httptest.NewUnstartedServer(handler)
	closed := make(chan struct{}, 10)
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.StartTLS()
	defer server.Close()

	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = server.URL + "/am/"
	cfg.ClientConfig.TLS = configtls.ClientConfig{InsecureSkipVerify: true}
	cfg.ClientConfig.Headers = configopaque.MapList{{Name: "X-Scope-OrgID", Value: "ops"}}
	cfg.Labels = map[string]string{"team": "identity"}
	e, err := NewFactory().CreateLogs(t.Context(), exportertest.NewNopSettings(metadata.Type), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))

	require.NoError(t, e.ConsumeLogs(t.Context(), logs(violation{})))
	select {
	case got := <-requests:
		require.Equal(t, "/am/api/v2/alerts", got.path)
		require.Equal(t, "ops", got.header)
		require.Len(t, got.alerts, 1)
		require.Equal(t, "identity", got.alerts[0].Labels["team"])
	case <-time.After(10 * time.Second):
		t.Fatal("nothing arrived")
	}

	require.NoError(t, e.Shutdown(t.Context()))
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection is still open")
	}
}

// TestExporterWithNobodyThere makes sure that a refused connection leaves nothing behind.
func TestExporterWithNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	cfg := createDefaultConfig().(*Config)
	cfg.ClientConfig.Endpoint = server.URL
	e := newNopExporter(t, cfg)
	require.NoError(t, e.Start(t.Context(), componenttest.NewNopHost()))
	require.NoError(t, e.ConsumeLogs(t.Context(), logs(violation{})))
	require.NoError(t, e.Shutdown(t.Context()))
}
