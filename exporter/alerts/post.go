package alerts

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"go.opentelemetry.io/collector/consumer/consumererror"
)

const (
	maxErrorBody = 1 << 10  // of an answer, into the error
	maxDrain     = 64 << 10 // of an answer, so that the connection can be used again
)

// result is what became of a request, as the sends metric has it.
type result string

const (
	resultAccepted    result = "accepted"
	resultRejected    result = "rejected"
	resultThrottled   result = "throttled"
	resultUnavailable result = "unavailable"
	resultFailed      result = "failed"
)

// doer is the part of http.Client that is needed.
type doer interface {
	Do(*http.Request) (*http.Response, error)
}

// answer is how an attempt to post ended.
type answer struct {
	result result
	wait   time.Duration // how long Alertmanager asked to be left alone
	err    error         // nil if accepted, and permanent if there is no point in trying again
}

// post sends one request.
func post(ctx context.Context, client doer, url string, body []byte) answer {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return answer{result: resultRejected, err: consumererror.NewPermanent(err)}
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "otelcol-session")

	resp, err := client.Do(req)
	if err != nil {
		return answer{result: resultFailed, err: err}
	}
	defer func() {
		_, _ = io.CopyN(io.Discard, resp.Body, maxDrain)
		_ = resp.Body.Close()
	}()
	if resp.StatusCode/100 == 2 {
		return answer{result: resultAccepted}
	}

	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	err = fmt.Errorf("answer %d %s from Alertmanager", resp.StatusCode, http.StatusText(resp.StatusCode))
	if said := strings.TrimSpace(string(text)); said != "" {
		err = fmt.Errorf("%w: %q", err, said)
	}
	wait := retryAfter(resp.Header.Get("Retry-After"), time.Now())
	switch {
	case resp.StatusCode == http.StatusTooManyRequests:
		return answer{result: resultThrottled, wait: wait, err: err}
	case resp.StatusCode >= 500:
		return answer{result: resultUnavailable, wait: wait, err: err}
	default:
		return answer{result: resultRejected, err: consumererror.NewPermanent(err)}
	}
}

// retryAfter reads the header, which holds seconds or a date. What is neither is no wish at all.
func retryAfter(header string, now time.Time) time.Duration {
	header = strings.TrimSpace(header)
	if seconds, err := strconv.ParseInt(header, 10, 32); err == nil {
		return max(0, time.Duration(seconds)*time.Second)
	}
	if date, err := http.ParseTime(header); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}

// stay keeps the client from following a redirect: it would turn the POST into a GET, take the answer
// for success, and show credentials to whoever the redirect names.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
