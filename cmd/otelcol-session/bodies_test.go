package main

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/collector/confmap"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestLimitBodies: receivers that say nothing of it take no large bodies, and
// what others say holds.
func TestLimitBodies(t *testing.T) {
	for protocols, want := range map[string]any{
		`{http: {endpoint: "localhost:4318"}}`:                             bodySize,
		`{http: {}}`:                                                       bodySize,
		`{http: }`:                                                         bodySize,
		`{http: {max_request_body_size: 0}}`:                               bodySize, // the receiver's default
		`{http: {max_request_body_size: }}`:                                bodySize,
		`{http: {max_request_body_size: -1}}`:                              bodySize,
		`{http: {max_request_body_size: 1000}}`:                            1000,
		`{http: {max_request_body_size: 20971520}}`:                        20 << 20,
		`{http: {max_request_body_size: "much"}}`:                          "much", // for the receiver to refuse
		`{grpc: {endpoint: "localhost:4317"}}`:                             nil,
		`{grpc: {endpoint: "localhost:4317"}, http: {endpoint: "[::]:1"}}`: bodySize,
	} {
		conf, logged := convert(t, "receivers: {otlp/web: {protocols: "+protocols+"}, nop: }")
		const key = "receivers::otlp/web::protocols::http::max_request_body_size"
		if got := conf.Get(key); got != want {
			t.Errorf("%s: want %v, got %v", protocols, want, got)
		}
		if told := logged.FilterField(zap.String("key", key)).Len(); (told == 1) != (want == bodySize) {
			t.Errorf("%s: told %d times", protocols, told)
		}
		// Nothing else changes.
		before := parse(t, "receivers: {otlp/web: {protocols: "+protocols+"}, nop: }")
		after := conf.ToStringMap()
		if http, ok := after["receivers"].(map[string]any)["otlp/web"].(map[string]any)["protocols"].(map[string]any)["http"].(map[string]any); ok {
			delete(http, "max_request_body_size")
		}
		if http, ok := before["receivers"].(map[string]any)["otlp/web"].(map[string]any)["protocols"].(map[string]any)["http"].(map[string]any); ok {
			delete(http, "max_request_body_size")
		} else if strings.Contains(protocols, "http") {
			before["receivers"].(map[string]any)["otlp/web"].(map[string]any)["protocols"].(map[string]any)["http"] = map[string]any{}
		}
		if text(t, before) != text(t, after) {
			t.Errorf("%s: %s became %s", protocols, text(t, before), text(t, after))
		}
	}
}

// TestNoReceivers: a configuration without any is not this converter's to judge.
func TestNoReceivers(t *testing.T) {
	for _, yaml := range []string{`{}`, `receivers: `, `receivers: {otlp: }`, `receivers: {otlp: {protocols: }}`, `receivers: {otlp: text}`, `receivers: text`} {
		conf, logged := convert(t, yaml)
		if text(t, conf.ToStringMap()) != text(t, parse(t, yaml)) || logged.Len() != 0 {
			t.Errorf("%s became %v", yaml, conf.ToStringMap())
		}
	}
}

// TestLargeBodies: whoever takes more than is known to be safe is told.
func TestLargeBodies(t *testing.T) {
	conf, logged := convert(t, `receivers: {otlp: {protocols: {http: {max_request_body_size: 20971520}, grpc: {max_recv_msg_size_mib: 64}}},
 otlp/small: {protocols: {http: {max_request_body_size: 8388608}, grpc: {max_recv_msg_size_mib: 8}}}}`)
	var got []string
	for _, entry := range logged.All() {
		if entry.Level == zapcore.WarnLevel {
			got = append(got, entry.Message)
		}
	}
	want := []string{
		"receivers::otlp::protocols::grpc::max_recv_msg_size_mib: in so much, values can be nested so deeply that reading them ends the process: take no more than 8 (got 64)",
		"receivers::otlp::protocols::http::max_request_body_size: in so much, values can be nested so deeply that reading them ends the process: take no more than 8388608 (got 20971520)",
	}
	if !slices.Equal(got, want) || !slices.Equal(pipelineWarnings(conf), want) {
		t.Errorf("got %q", got)
	}
}

// TestReferences: extensions that components name must be there.
func TestReferences(t *testing.T) {
	const base = `{receivers: {otlp: {protocols: {grpc: {endpoint: "localhost:4317"}}}}, exporters: {nop: , otlp_http: {endpoint: "http://localhost:1"}},
 extensions: {file_storage: {directory: DIRECTORY}, health_check: , basicauth: {htpasswd: {inline: "a:b"}}},
 service: {extensions: [health_check], telemetry: {metrics: {level: none}}, pipelines: {traces: {receivers: [otlp], exporters: [nop]}}}}`
	for over, want := range map[string]string{
		`{}`: "",
		`{exporters: {otlp_http: {sending_queue: {storage: file_storage}}}}`:                                                                                       "", // not used
		`{exporters: {otlp_http: {sending_queue: {storage: file_storage}}}, service: {pipelines: {traces: {exporters: [otlp_http]}}}}`:                             `exporters::otlp_http: sending_queue::storage: must be the id of an extension that is configured under service::extensions (got "file_storage")`,
		`{exporters: {otlp_http: {sending_queue: {storage: file_storage}}}, service: {extensions: [file_storage], pipelines: {traces: {exporters: [otlp_http]}}}}`: "",
		`{exporters: {otlp_http: {sending_queue: {storage: health_check}}}, service: {pipelines: {traces: {exporters: [otlp_http]}}}}`:                             `exporters::otlp_http: sending_queue::storage: must be the id of a storage extension (got "health_check", which is none)`,
		`{exporters: {otlp_http: {sending_queue: {enabled: false, storage: file_storage}}}, service: {pipelines: {traces: {exporters: [otlp_http]}}}}`:             "",
		`{exporters: {otlp_http: {headers: {storage: x, authenticator: y}}}, service: {pipelines: {traces: {exporters: [otlp_http]}}}}`:                            "",
		`{receivers: {otlp: {protocols: {grpc: {auth: {authenticator: basicauth}}}}}}`:                                                                             `receivers::otlp: protocols::grpc::auth::authenticator: must be the id of an extension that is configured under service::extensions (got "basicauth")`,
		`{receivers: {otlp: {protocols: {grpc: {auth: {authenticator: basicauth}}}}}, service: {extensions: [basicauth]}}`:                                         "",
		`{receivers: {otlp: {protocols: {grpc: {middlewares: [{id: health_check}, {id: basicauth}]}}}}}`:                                                           `receivers::otlp: protocols::grpc::middlewares::1::id: must be the id of an extension that is configured under service::extensions (got "basicauth")`,
	} {
		conf := parse(t, strings.ReplaceAll(base, "DIRECTORY", t.TempDir()))
		overlay(conf, parse(t, over))
		said, err := validate(t, text(t, conf))
		switch {
		case want == "" && err != nil, want != "" && (err == nil || err.Error() != want):
			t.Errorf("%s: want %q, got %v", over, want, err)
		case said != "":
			t.Errorf("%s: said %q", over, said)
		}
	}
}

// TestUsed: connectors stand in two lists, and count as what they are.
func TestUsed(t *testing.T) {
	conf := confmap.NewFromStringMap(parse(t, `{receivers: {a: , b: }, processors: {p: , q: }, exporters: {x: , y: }, connectors: {c: },
 service: {pipelines: {traces: {receivers: [a], processors: [p], exporters: [c]}, logs: {receivers: [c], exporters: [x]}}}}`))
	got := map[string][]string{}
	for _, kind := range kinds {
		got[kind] = used(conf, kind)
	}
	want := map[string][]string{"receivers": {"a"}, "processors": {"p"}, "exporters": {"x"}, "connectors": {"c"}}
	if !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("got %v", got)
	}
}

// convert runs the converter of limitBodies.
func convert(t *testing.T, yaml string) (*confmap.Conf, *observer.ObservedLogs) {
	t.Helper()
	core, logged := observer.New(zapcore.InfoLevel)
	conf := confmap.NewFromStringMap(parse(t, yaml))
	if err := limitBodies().Create(confmap.ConverterSettings{Logger: zap.New(core)}).Convert(t.Context(), conf); err != nil {
		t.Fatal(err)
	}
	return conf, logged
}
