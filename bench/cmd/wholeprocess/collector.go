package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// patience is how long a collector may take to start, and to stop.
const patience = 30 * time.Second

// variant of a collector: what it has.
type variant struct{ processor, console bool }

// configuration of a collector that throws away what it gets; with the
// processor, it judges it before, and with the console it shows what is found.
func configuration(receiver, metrics, console string, v variant) string {
	host, port, _ := net.SplitHostPort(metrics)
	processors, logs, extensions, running := "[]", "", "", "[]"
	if v.processor {
		processors = "[session_timeout]"
		logs = "\n    logs/sessions: {receivers: [nop], processors: [session_timeout], exporters: [nop]}"
	}
	if v.console {
		extensions, running = fmt.Sprintf("\nextensions:\n  session_console: {endpoint: %q, history: 1000}", console), "[session_console]"
	}
	return fmt.Sprintf(`
receivers:
  nop:
  otlp:
    protocols:
      grpc: {endpoint: %q}
processors:
  session_timeout:
    session_id:
      hash_key: 0123456789abcdef0123456789abcdef
    policies:
      - name: payments
        match: {service.name: [checkout, ledger]}
        idle_timeout: 5m
        absolute_timeout: 1h
        severity: critical
      - name: default
        idle_timeout: 30m
        absolute_timeout: 12h
exporters:
  nop:%s
service:
  extensions: %s
  telemetry:
    logs: {level: warn}
    metrics:
      readers: [{pull: {exporter: {prometheus: {host: %q, port: %s}}}}]
  pipelines:
    traces: {receivers: [otlp], processors: %s, exporters: [nop]}%s
`, receiver, extensions, running, host, port, processors, logs)
}

// tooSoon is how often a collector may be told to stop before it knows of signals.
const tooSoon = 10

// measure measures one collector. It listens a moment before it knows of signals:
// one that was ended by ours says nothing, and is started anew.
func measure(ctx context.Context, program string, v variant, l load) (c cost, err error) {
	for range tooSoon {
		c, err = measureOnce(ctx, program, v, l)
		var exit *exec.ExitError
		if ctx.Err() != nil || !errors.As(err, &exit) || exit.Exited() {
			return c, err
		}
	}
	return c, err
}

// measureOnce starts a collector, lets it have the load, stops it and returns
// what it used.
func measureOnce(ctx context.Context, program string, v variant, l load) (_ cost, err error) {
	receiver, metrics, console := freePort(), freePort(), freePort()
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, program, "--config", "yaml:"+configuration(receiver, metrics, console, v))
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = patience
	if err := cmd.Start(); err != nil {
		return cost{}, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	defer func() {
		if err != nil {
			_ = cmd.Process.Kill()
			err = fmt.Errorf("%w; the collector said: %s", err, said.Bytes())
		}
	}()

	if err := ready(ctx, receiver, ended); err != nil {
		return cost{}, err
	}
	if l.spans > 0 {
		if err := l.send(ctx, receiver); err != nil {
			return cost{}, fmt.Errorf("sending: %w", err)
		}
		if err := verify(ctx, metrics, v, l.spans); err != nil {
			return cost{}, err
		}
		if v.console {
			if err := shows(ctx, console); err != nil {
				return cost{}, err
			}
		}
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		return cost{}, err
	}
	select {
	case err := <-ended:
		if err != nil {
			return cost{}, err
		}
	case <-time.After(patience):
		return cost{}, errors.New("it does not stop")
	}
	state := cmd.ProcessState
	return cost{cpu: state.UserTime() + state.SystemTime(), resident: maxResident(state)}, nil
}

// freePort returns an address of this machine that nobody else listened on just
// now. Its port lies below those that systems give to outgoing connections: who
// asks whether somebody listens there would be given it, and talk to itself.
func freePort() string {
	for {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20000+rand.IntN(12000))) //nolint:gosec // no secret
		if l, err := net.Listen("tcp", address); err == nil {
			l.Close()
			return address
		}
	}
}

// ready waits until somebody listens at address.
func ready(ctx context.Context, address string, ended <-chan error) error {
	var d net.Dialer
	for end := time.Now().Add(patience); time.Now().Before(end); {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case err := <-ended:
			return fmt.Errorf("it did not start: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
	return errors.New("it does not listen")
}

// verify asks the collector whether it took all spans and judged each.
func verify(ctx context.Context, address string, v variant, spans int) error {
	page, err := get(ctx, "http://"+address+"/metrics")
	if err != nil {
		return err
	}
	want := map[string]int{`otelcol_receiver_accepted_spans`: spans}
	if v.processor {
		want[`otelcol_processor_session_timeout_facts{kind="request"}`] = spans
		want[`otelcol_processor_session_timeout_facts_refused`] = 0
		want[`otelcol_processor_session_timeout_findings_pending`] = 0
		want[`otelcol_processor_session_timeout_requests{verdict="violation"}`] = 0
	}
	var errs []error
	for metric, want := range want {
		if got := sum(page, metric); got != want {
			errs = append(errs, fmt.Errorf("%s: want %d, got %d", metric, want, got))
		}
	}
	return errors.Join(errs...)
}

// shows asks the console whether it shows the sessions. What it says is a second old at
// most.
func shows(ctx context.Context, address string) error {
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if err = showsNow(ctx, address); err == nil {
			return nil
		}
	}
	return err
}

func showsNow(ctx context.Context, address string) error {
	page, err := get(ctx, "http://"+address+"/api/v1/state")
	if err != nil {
		return err
	}
	var state struct{ Engines []struct{ Sessions int } }
	if err := json.Unmarshal([]byte(page), &state); err != nil {
		return err
	}
	if len(state.Engines) != 1 || state.Engines[0].Sessions == 0 {
		return fmt.Errorf("the console shows no sessions: %s", page)
	}
	return nil
}

func get(ctx context.Context, url string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	page, err := io.ReadAll(res.Body)
	return string(page), err
}

var sample = regexp.MustCompile(`(?m)^(\w+?)(?:_total)?\{(.*)\} (\S+)$`)

// sum adds up a metric on a page of Prometheus's text format: name, or
// name{label="value"}.
func sum(page, metric string) (n int) {
	name, label, _ := strings.Cut(strings.TrimSuffix(metric, "}"), "{")
	for _, m := range sample.FindAllStringSubmatch(page, -1) {
		if m[1] != name || !strings.Contains(m[2], label) {
			continue
		}
		if v, err := strconv.ParseFloat(m[3], 64); err == nil {
			n += int(v)
		}
	}
	return n
}
