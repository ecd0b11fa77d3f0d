package ready

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

const (
	// every is how often metrics are read.
	every = 500 * time.Millisecond
	// Quiet is how long nothing more must have been read for all to be.
	Quiet = 3 * time.Second
	// mostMetrics is how much is read of them, in bytes.
	mostMetrics = 64 << 20
)

// Read reads the metrics at a URL once.
func Read(ctx context.Context, url string) (State, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return State{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return State{}, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return State{}, fmt.Errorf("%s answers %s", url, response.Status)
	}
	text, err := io.ReadAll(io.LimitReader(response.Body, mostMetrics))
	if err != nil {
		return State{}, err
	}
	return Parse(string(text))
}

// Watch reads metrics until the context is done, or until nothing more has come for
// so long, unless quiet is 0. It returns the last that it read.
func Watch(ctx context.Context, url string, quiet time.Duration) (last State, err error) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	err = context.DeadlineExceeded
	since := time.Now()
	for {
		if s, e := Read(ctx, url); e == nil {
			if s.Read != last.Read || err != nil {
				since = time.Now()
			}
			last, err = s, nil
		} else if err != nil && ctx.Err() == nil {
			err = e
		}
		if err == nil && quiet > 0 && time.Since(since) >= quiet {
			return last, nil
		}
		select {
		case <-ctx.Done():
			return last, err
		case <-tick.C:
		}
	}
}
