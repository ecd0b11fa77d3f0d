// Package sink is the smallest OTLP/HTTP receiver: it keeps what arrives, and
// writes it as the collector's file exporter would.
package sink

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/pdata/plog/plogotlp"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
)

// Sink receives telemetry until it is closed.
type Sink struct {
	// URL is the base to which exporters add /v1/traces and /v1/logs.
	URL     string
	server  *http.Server
	serving sync.WaitGroup
	mu      struct {
		sync.Mutex
		traces []ptrace.Traces
		logs   []plog.Logs
	}
}

// Start listens on a free port of this machine.
func Start(ctx context.Context) (*Sink, error) {
	var listen net.ListenConfig
	l, err := listen.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Sink{URL: "http://" + l.Addr().String()}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/traces", s.takeTraces)
	mux.HandleFunc("POST /v1/logs", s.takeLogs)
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	s.serving.Go(func() { _ = s.server.Serve(l) })
	return s, nil
}

// Close stops listening; what arrived stays.
func (s *Sink) Close() error {
	err := s.server.Close()
	s.serving.Wait()
	return err
}

// Traces returns the requests that arrived, in order of arrival.
func (s *Sink) Traces() []ptrace.Traces {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]ptrace.Traces(nil), s.mu.traces...)
}

// Logs returns the requests that arrived, in order of arrival.
func (s *Sink) Logs() []plog.Logs {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]plog.Logs(nil), s.mu.logs...)
}

// Write leaves traces.json and logs.json in the folder, a request per line.
func (s *Sink) Write(folder string) error {
	var spans, records bytes.Buffer
	for _, td := range s.Traces() {
		if err := writeLine(&spans, td, (&ptrace.JSONMarshaler{}).MarshalTraces); err != nil {
			return err
		}
	}
	for _, ld := range s.Logs() {
		if err := writeLine(&records, ld, (&plog.JSONMarshaler{}).MarshalLogs); err != nil {
			return err
		}
	}
	return errors.Join(
		os.WriteFile(filepath.Join(folder, "traces.json"), spans.Bytes(), 0o644),
		os.WriteFile(filepath.Join(folder, "logs.json"), records.Bytes(), 0o644),
	)
}

func writeLine[T any](w *bytes.Buffer, data T, marshal func(T) ([]byte, error)) error {
	line, err := marshal(data)
	if err != nil {
		return err
	}
	w.Write(line)
	w.WriteByte('\n')
	return nil
}

func (s *Sink) takeTraces(w http.ResponseWriter, r *http.Request) {
	request := ptraceotlp.NewExportRequest()
	answer(w, r, request.UnmarshalProto, ptraceotlp.NewExportResponse().MarshalProto, func() {
		s.mu.traces = append(s.mu.traces, request.Traces())
	}, s)
}

func (s *Sink) takeLogs(w http.ResponseWriter, r *http.Request) {
	request := plogotlp.NewExportRequest()
	answer(w, r, request.UnmarshalProto, plogotlp.NewExportResponse().MarshalProto, func() {
		s.mu.logs = append(s.mu.logs, request.Logs())
	}, s)
}

// answer decodes a request, keeps it under the sink's lock and says thanks.
func answer(w http.ResponseWriter, r *http.Request, decode func([]byte) error, thanks func() ([]byte, error), keep func(), s *Sink) {
	body, err := read(r)
	if err == nil {
		err = decode(body)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	keep()
	s.mu.Unlock()
	response, err := thanks()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/x-protobuf")
	_, _ = w.Write(response)
}

func read(r *http.Request) ([]byte, error) {
	switch encoding := r.Header.Get("Content-Encoding"); encoding {
	case "":
		return io.ReadAll(r.Body)
	case "gzip":
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			return nil, err
		}
		return io.ReadAll(z)
	default:
		return nil, fmt.Errorf("content encoding %q is not supported", encoding)
	}
}
