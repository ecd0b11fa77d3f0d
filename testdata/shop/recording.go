// Package shop has the recording of the example shop, for whoever shows it without the repository.
package shop

import _ "embed"

// Traces and Logs are OTLP JSON, one export request per line.
var (
	//go:embed traces.json
	Traces []byte
	//go:embed logs.json
	Logs []byte
)
