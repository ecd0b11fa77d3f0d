module github.com/otelcol-session/otelcol-session/deploy

go 1.26.0

require (
	github.com/stretchr/testify v1.12.1
	go.yaml.in/yaml/v3 v3.0.5
)

require github.com/grafana/grafana-foundation-sdk/go v0.0.22
