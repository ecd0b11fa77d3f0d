// Program otelcol-session is an OpenTelemetry Collector that finds requests
// served on sessions that should have been over.
//
// The builder writes the components; this file has what it cannot be told.
package main

import (
	"os"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/confmap/provider/envprovider"
	"go.opentelemetry.io/collector/confmap/provider/fileprovider"
	"go.opentelemetry.io/collector/confmap/provider/httpprovider"
	"go.opentelemetry.io/collector/confmap/provider/yamlprovider"
	"go.opentelemetry.io/collector/otelcol"
)

func main() {
	os.Exit(report(run(settings()), os.Stderr))
}

// runInteractive is what the builder's run calls where no service manager does.
func runInteractive(set otelcol.CollectorSettings) error { return command(set).Execute() }

// settings are what the builder would write, the default configuration and a
// limit of what is received.
func settings() otelcol.CollectorSettings {
	return otelcol.CollectorSettings{
		BuildInfo: component.BuildInfo{
			Command:     "otelcol-session",
			Description: "OpenTelemetry Collector that finds requests served on sessions that should have been over",
			Version:     "0.1.0",
		},
		Factories: components,
		ConfigProviderSettings: otelcol.ConfigProviderSettings{
			ResolverSettings: confmap.ResolverSettings{
				URIs: []string{defaultConfig()},
				ProviderFactories: []confmap.ProviderFactory{
					envprovider.NewFactory(),
					fileprovider.NewFactory(),
					httpprovider.NewFactory(),
					yamlprovider.NewFactory(),
				},
				ConverterFactories: []confmap.ConverterFactory{limitBodies()},
			},
		},
		ProviderModules: map[string]string{
			"env":  "go.opentelemetry.io/collector/confmap/provider/envprovider v1.64.0",
			"file": "go.opentelemetry.io/collector/confmap/provider/fileprovider v1.64.0",
			"http": "go.opentelemetry.io/collector/confmap/provider/httpprovider v1.64.0",
			"yaml": "go.opentelemetry.io/collector/confmap/provider/yamlprovider v1.64.0",
		},
	}
}
