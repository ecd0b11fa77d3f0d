// Package kubernetes makes a PrometheusRule of the rules for Prometheus.
package kubernetes

//go:generate go run ./gen

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const head = `# Made of deploy/prometheus/rules by "go generate ./kubernetes" in deploy. Change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: otelcol-session
  labels: {app.kubernetes.io/name: otelcol-session}
spec:
  groups:
`

// PrometheusRule is the manifest of all rules in the files of a folder of deploy/prometheus.
// It returns an error where one of them has not the form of a file of rules.
func PrometheusRule(folder string) (string, error) {
	var b strings.Builder
	b.WriteString(head)
	paths, err := filepath.Glob(filepath.Join(folder, "*.yaml"))
	if err != nil {
		return "", err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		_, groups, is := strings.Cut(string(text), "\ngroups:\n")
		if !is {
			return "", fmt.Errorf("%s: no groups", path)
		}
		for line := range strings.Lines(groups) {
			if line != "\n" {
				b.WriteString("  ")
			}
			b.WriteString(line)
		}
	}
	return b.String(), nil
}
