package e2e

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"
)

// sender keeps batches for one collector and sends each until it is
// acknowledged. The batches of one lane stay in their order.
type sender struct {
	url  string
	wait sync.WaitGroup
	mu   struct {
		sync.Mutex
		queue   [lanes][]batch
		closed  bool
		resent  int
		arrived []receipt
	}
}

// resendEvery is how long a sender waits where there is no collector.
const resendEvery = 20 * time.Millisecond

// startSender sends until it is closed and all is acknowledged, or ctx is done.
func startSender(ctx context.Context, url string) *sender {
	s := &sender{url: url}
	for lane := range lanes {
		s.wait.Go(func() {
			client := &http.Client{Transport: &http.Transport{}, Timeout: callTimeout}
			defer client.CloseIdleConnections()
			for ctx.Err() == nil && s.send(ctx, client, lane) {
			}
		})
	}
	return s
}

func (s *sender) add(lane int, b batch) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mu.queue[lane] = append(s.mu.queue[lane], b)
}

// close returns when all that was added is acknowledged.
func (s *sender) close() {
	s.mu.Lock()
	s.mu.closed = true
	s.mu.Unlock()
	s.wait.Wait()
}

// send sends the oldest batch of a lane; more is false when none will come.
func (s *sender) send(ctx context.Context, client *http.Client, lane int) (more bool) {
	s.mu.Lock()
	queue, closed := s.mu.queue[lane], s.mu.closed
	s.mu.Unlock()
	if len(queue) == 0 {
		if !closed {
			time.Sleep(resendEvery)
		}
		return !closed
	}
	sent := time.Now()
	err := post(ctx, client, s.url+queue[0].path, queue[0].body)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err != nil {
		s.mu.resent++
		s.mu.Unlock()
		time.Sleep(resendEvery)
		s.mu.Lock()
		return true
	}
	s.mu.arrived = append(s.mu.arrived, receipt{queue[0].from, sent, time.Now(), queue[0].of})
	s.mu.queue[lane] = s.mu.queue[lane][1:]
	return true
}

// lag is how long the oldest batch has waited for its acknowledgement.
func (s *sender) lag() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, queue := range s.mu.queue {
		if len(queue) > 0 {
			longest = max(longest, time.Since(queue[0].due))
		}
	}
	return longest
}

// longest is how long a record has waited for its acknowledgement.
func (s *sender) longest() (longest time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.mu.arrived {
		longest = max(longest, r.acknowledged.Sub(r.from))
	}
	return longest
}

// told returns the sessions, by pseudonym, that chosen batches told of.
func (s *sender) told(chosen func(receipt) bool) map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	sessions := map[string]bool{}
	for _, r := range s.mu.arrived {
		if !chosen(r) {
			continue
		}
		for _, session := range r.of {
			sessions[pseudonym(session)] = true
			sessions[pseudonym(successorPrefix+session)] = true
		}
	}
	return sessions
}

func post(ctx context.Context, client *http.Client, url string, body []byte) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/x-protobuf")
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = errors.New(strings.TrimSpace(response.Status + " " + string(answer)))
	}
	return err
}
