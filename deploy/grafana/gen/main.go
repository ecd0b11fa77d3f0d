// Command gen writes the dashboards into the folder dashboards.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"path/filepath"

	"github.com/otelcol-session/otelcol-session/deploy/grafana"
)

func main() {
	all, err := grafana.Dashboards()
	if err != nil {
		log.Fatal(err)
	}
	for _, d := range all {
		text, err := grafana.JSON(d)
		if err != nil {
			log.Fatal(err)
		}
		if !json.Valid(bytes.TrimSpace(text)) {
			log.Fatal("no JSON: ", *d.Uid)
		}
		if err := os.WriteFile(filepath.Join("dashboards", *d.Uid+".json"), text, 0o644); err != nil {
			log.Fatal(err)
		}
	}
}
