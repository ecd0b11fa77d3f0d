package deploy

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"github.com/otelcol-session/otelcol-session/deploy/kubernetes"
)

// TestPrometheusRule: the manifest is what is made of the rules, and says the same.
func TestPrometheusRule(t *testing.T) {
	made, err := kubernetes.PrometheusRule(filepath.Join("prometheus", "rules"))
	require.NoError(t, err)
	require.Equal(t, made, read(t, "kubernetes", "prometheusrule.yaml"), "run `go generate ./kubernetes` in deploy and commit what it changes")
	var manifest struct {
		Spec struct {
			Groups []struct {
				Rules []rule `yaml:"rules"`
			} `yaml:"groups"`
		} `yaml:"spec"`
	}
	require.NoError(t, yaml.Unmarshal([]byte(made), &manifest))
	alerts, records := rules(t)
	delete(alerts, "SessionWatchdog") // it is for those who have something that waits for it
	for _, g := range manifest.Spec.Groups {
		for _, r := range g.Rules {
			want := alerts[r.Alert]
			if r.Record != "" {
				want = records[r.Record]
			}
			want.in = ""
			require.Equal(t, want, r)
			delete(alerts, r.Alert)
			delete(records, r.Record)
		}
	}
	require.Empty(t, alerts)
	require.Empty(t, records)
}

// TestGateway: the collector takes the configuration of the ConfigMap, and what the
// manifests say of ports, memory and volumes fits it.
func TestGateway(t *testing.T) {
	text := read(t, "kubernetes", "collector.yaml")
	var config string
	for document := range strings.SplitSeq(text, "\n---\n") {
		var m struct {
			Kind string            `yaml:"kind"`
			Data map[string]string `yaml:"data"`
		}
		require.NoError(t, yaml.Unmarshal([]byte(document), &m))
		if m.Kind == "ConfigMap" {
			config = m.Data["config.yaml"]
		}
	}
	require.NotEmpty(t, config)
	state := t.TempDir() // validate wants the directory
	require.Contains(t, config, "directory: /var/lib/otelcol-session")
	require.Contains(t, text, "mountPath: /var/lib/otelcol-session}")
	path := filepath.Join(t.TempDir(), "config.yaml")
	require.NoError(t, os.WriteFile(path, []byte(strings.Replace(config, "/var/lib/otelcol-session", state, 1)), 0o600))
	binary := filepath.Join(root, "bin", "otelcol-session")
	require.FileExists(t, binary, "`make build` builds it")
	t.Setenv("SESSION_HASH_KEY", "0123456789abcdef0123456789abcdef0123")
	said, err := peer(t, binary, "validate", "--config", path)
	require.NoError(t, err, said)
	for _, port := range []string{"4317", "4318", "8888", "13133"} {
		require.Contains(t, config, port)
		require.Contains(t, text, "containerPort: "+port)
	}
	require.Contains(t, read(t, root, "docs", "operations.md"), "GOMEMLIMIT=1150MiB")
	require.Contains(t, text, "{name: GOMEMLIMIT, value: 1150MiB}")
}
