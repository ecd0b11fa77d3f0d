package consolecmd

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/otelcol-session/otelcol-session/internal/clean"
	"github.com/otelcol-session/otelcol-session/internal/console"
)

// ExitError is an error that ends the program with a status. Without a reason there is nothing
// to print.
type ExitError struct {
	Status int
	Reason error
}

func (e ExitError) Error() string {
	if e.Reason == nil {
		return fmt.Sprintf("exit status %d", e.Status)
	}
	return e.Reason.Error()
}

// Unwrap returns the reason.
func (e ExitError) Unwrap() error { return e.Reason }

const (
	statusFound   = 1
	statusUnknown = 2

	defaultConsole = "http://localhost:8889"
	// mostBody bounds what is read of one answer.
	mostBody = 8 << 20
)

// client asks a console.
type client struct {
	base       string
	user, pass string
	http       *http.Client
}

// consoleFlags adds the flags of a command that asks a console.
func consoleFlags(cmd *cobra.Command) func() (*client, error) {
	base := cmd.Flags().String("console", defaultConsole, "address of the session console; with auth, https://user@host, and the password in SESSION_CONSOLE_PASSWORD")
	return func() (*client, error) { return newClient(*base, os.Getenv("SESSION_CONSOLE_PASSWORD")) }
}

func newClient(base, password string) (*client, error) {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("--console must be an http or https URL, such as %s (got %q)", defaultConsole, base)
	}
	c := &client{http: &http.Client{}}
	if u.User != nil {
		c.user, c.pass = u.User.Username(), password
		if p, ok := u.User.Password(); ok {
			c.pass = p
		}
		u.User = nil
	}
	u.Fragment = ""
	c.base = strings.TrimSuffix(u.String(), "/")
	return c, nil
}

func (c *client) do(ctx context.Context, path string, header ...string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, c.base+"/api/v1/"+path, nil)
	if err != nil {
		return nil, err
	}
	if c.user != "" {
		request.SetBasicAuth(c.user, c.pass)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := c.http.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case err != nil:
		return nil, ExitError{statusUnknown, fmt.Errorf("no session console answers at %s: does the collector run, and has it the extension session_console? (%w)", c.base, err)}
	case response.StatusCode != http.StatusOK:
		defer response.Body.Close()
		var p console.Problem
		_ = json.NewDecoder(io.LimitReader(response.Body, mostBody)).Decode(&p) // another server's answer may be anything
		return nil, answered{response.StatusCode, fmt.Sprintf("%s answers %s: %s", c.base, response.Status, tidy(p.Error))}
	}
	return response, nil
}

// answered is an answer that is no success.
type answered struct {
	status int
	text   string
}

func (a answered) Error() string { return a.text }

func (c *client) get(ctx context.Context, path string, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	response, err := c.do(ctx, path)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, mostBody)).Decode(v); err != nil {
		return ExitError{statusUnknown, fmt.Errorf("%s does not answer as a session console does: %w", c.base, err)}
	}
	return nil
}

// follow calls do with each finding, those that are held first, until ctx ends. It goes on
// where it was when the connection breaks.
func (c *client) follow(ctx context.Context, do func(console.Finding) error) error {
	last := ""
	for {
		err := c.followOnce(ctx, &last, do)
		var a answered
		forGood := errors.As(err, &a) && a.status != http.StatusServiceUnavailable || last == "" && !errors.Is(err, io.EOF)
		if forGood && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(time.Second):
		}
	}
}

func (c *client) followOnce(ctx context.Context, last *string, do func(console.Finding) error) error {
	header := []string{}
	if *last != "" {
		header = append(header, "Last-Event-ID", *last)
	}
	response, err := c.do(ctx, "events", header...)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, mostBody)
	var name, id string
	var data []byte
	for lines.Scan() {
		key, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(key) {
		case "event":
			name = string(value)
		case "id":
			id = string(value)
		case "data":
			data = bytes.Clone(value)
		case "":
			if name == "finding" {
				var f console.Finding
				if err := json.Unmarshal(data, &f); err != nil {
					return err
				}
				if err := do(f); err != nil {
					return err
				}
				*last = id
			}
			name, id = "", ""
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return io.EOF
}

// tidy makes of a text what may be printed: a terminal obeys control characters, and the
// console may be anybody's.
func tidy(s string) string { return clean.Text(s, 4096) }
