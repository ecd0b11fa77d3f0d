// Command gen writes the PrometheusRule.
package main

import (
	"log"
	"os"

	"github.com/otelcol-session/otelcol-session/deploy/kubernetes"
)

func main() {
	text, err := kubernetes.PrometheusRule("../prometheus/rules")
	if err != nil {
		log.Fatal(err)
	}
	if err := os.WriteFile("prometheusrule.yaml", []byte(text), 0o644); err != nil {
		log.Fatal(err)
	}
}
