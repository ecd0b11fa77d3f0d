package alerts

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

var errRefused = errors.New("connection refused")

func TestTargetDeliversAfterAnOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return nil, errRefused })
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{first: epoch.Add(-time.Minute)})

		// Longer than max_elapsed_time of the retries, which is 5 minutes.
		sleep(10*time.Minute + 10*time.Second)
		require.Empty(t, am.take())
		tries := am.tried("localhost:9093")
		require.Greater(t, tries, 10)
		require.Less(t, tries, 120, "renewals do not pile up in the queue")
		require.Equal(t, int64(tries), h.counted(t, "exporter_alerts_sends", "result", "failed"))

		back := time.Now()
		am.answers(nil)
		sleep(time.Minute)
		posts := am.take()
		require.NotEmpty(t, posts)
		require.LessOrEqual(t, len(posts), 2, "once, and perhaps with the next renewal")
		for _, post := range posts {
			require.Len(t, post.alerts, 1)
			require.Equal(t, epoch.Add(-time.Minute), time.Time(post.alerts[0].StartsAt).UTC(), "when it began")
			require.WithinDuration(t, post.at.Add(4*time.Minute), time.Time(post.alerts[0].EndsAt), time.Millisecond, "ahead of now, not of then")
			require.WithinDuration(t, back, post.at, time.Minute)
		}
		require.Zero(t, h.counted(t, "exporter_alerts_dropped"))
		h.stop(t)
	})
}

func TestTargetDropsWhatRanOutWhileItWaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return nil, errRefused })
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{})
		sleep(16 * time.Minute)
		am.answers(nil)
		sleep(time.Hour)
		require.Empty(t, am.take(), "nobody is told of what is over")
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_dropped", "reason", "expired"))
		h.stop(t)
	})
}

func TestTargetRetries(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header []string
		result string
		after  time.Duration // the next attempt comes no earlier
	}{
		"500":                                   {500, nil, "unavailable", 2 * time.Second},
		"503 with Retry-After":                  {503, []string{"Retry-After", "40"}, "unavailable", 40 * time.Second},
		"429 with Retry-After":                  {429, []string{"Retry-After", "40"}, "throttled", 40 * time.Second},
		"429 for longer than a resend interval": {429, []string{"Retry-After", "200"}, "throttled", 200 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				am := newAlertmanager()
				am.answers(func(string) (*http.Response, error) { return respond(test.status, "", test.header...), nil })
				h := newHarness(t, am, nil)
				h.start(t, nil)
				h.consume(t, violation{})
				sleep(time.Second)
				require.Equal(t, 1, am.tried("localhost:9093"))
				am.answers(nil)
				sleep(test.after - 2*time.Second)
				require.Equal(t, 1, am.tried("localhost:9093"), "it waits as it was asked to")
				sleep(61 * time.Second)
				require.NotEmpty(t, am.take())
				require.Equal(t, int64(1), h.counted(t, "exporter_alerts_sends", "result", test.result))
				h.stop(t)
			})
		})
	}
}

func TestTargetLeavesAThrottlingAlertmanagerAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return respond(429, "", "Retry-After", "600"), nil })
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{})
		synctest.Wait()
		require.ErrorIs(t, h.targets[0].push(t.Context(), encodeRequests(requestsOf(h.table.live(time.Now())))), errQuiet, "from the queue")
		h.consume(t, violation{id: numbered(2), service: "ledger"})
		sleep(9*time.Minute + 59*time.Second)
		require.Equal(t, 1, am.tried("localhost:9093"))
		require.Equal(t, int64(1), h.counted(t, "exporter_send_failed_log_records"), "nothing is queued meanwhile, to be given up")
		am.answers(nil)
		sleep(time.Minute)
		require.Len(t, am.take()[0].alerts, 2)
		h.stop(t)
	})
}

func TestTargetFollowsNoRedirect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) {
			return respond(302, "", "Location", "http://elsewhere:9093/login"), nil
		})
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{})
		synctest.Wait()
		require.Zero(t, am.tried("elsewhere:9093"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_sends", "result", "rejected"))
		h.stop(t)
	})
}

func TestTargetWaitsNoLongerThanAnAlertLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return respond(503, "", "Retry-After", "86400"), nil })
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{})
		sleep(time.Minute)
		am.answers(nil)
		h.consume(t, violation{id: numbered(2)})
		sleep(14*time.Minute + 30*time.Second)
		require.NotEmpty(t, am.take(), "not for a day")
		h.stop(t)
	})
}

func TestTargetDoesNotRetryWhatIsRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) { return respond(400, "invalid label set"), nil })
		h := newHarness(t, am, nil)
		h.start(t, nil)
		h.consume(t, violation{})
		sleep(59 * time.Second)
		require.Equal(t, 1, am.tried("localhost:9093"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_sends", "result", "rejected"))
		require.Equal(t, int64(1), h.counted(t, "exporter_alerts_dropped", "reason", "rejected"))
		require.Equal(t, int64(1), h.counted(t, "exporter_send_failed_log_records"))

		// What is renewed is tried anew: it may be a configuration that somebody mends.
		am.answers(nil)
		sleep(time.Minute)
		require.Len(t, am.take(), 1)
		h.stop(t)
	})
}

func TestTargetRejectsOneBatchAndSendsTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		h := newHarness(t, am, nil)
		h.start(t, nil)
		var violations []violation
		for i := range 2*maxBatch + 1 {
			violations = append(violations, violation{id: numbered(i), service: numbered(i)})
		}
		h.consume(t, violations...)
		synctest.Wait()
		am.take()

		// As the queue's batching may join them.
		joined := encodeRequests(requestsOf(h.table.live(time.Now())))
		statuses := []int{400, 503, 200}
		am.answers(func(string) (*http.Response, error) {
			status := statuses[0]
			statuses = statuses[1:]
			return respond(status, ""), nil
		})
		err := h.targets[0].push(t.Context(), joined)
		require.ErrorContains(t, err, "503")
		require.Equal(t, int64(maxBatch), h.counted(t, "exporter_alerts_dropped", "reason", "rejected"))
		require.Equal(t, maxBatch+1, remaining(t, err), "neither what was rejected nor what was sent is tried again")
		h.stop(t)
	})
}

func TestTargetThatIsSlow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		am := newAlertmanager()
		am.answers(func(string) (*http.Response, error) {
			time.Sleep(time.Minute) // longer than the timeout
			return respond(200, ""), nil
		})
		h := newHarness(t, am, nil)
		h.start(t, nil)
		begun := time.Now()
		h.consume(t, violation{})
		require.Equal(t, begun, time.Now(), "the pipeline does not wait")
		sleep(5 * time.Minute)
		require.NotZero(t, h.counted(t, "exporter_alerts_sends", "result", "failed"))
		require.Zero(t, h.counted(t, "exporter_alerts_sends", "result", "accepted"))
		am.answers(nil)
		am.take()
		sleep(3 * time.Minute)
		require.NotZero(t, h.counted(t, "exporter_alerts_sends", "result", "accepted"))
		h.stop(t)
	})
}

func TestTargetsDoNotWaitForEachOther(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"queue":      func(*Config) {},
		"no queue":   func(cfg *Config) { cfg.QueueConfig = noQueue() },
		"full queue": func(cfg *Config) { cfg.QueueConfig.Get().QueueSize, cfg.QueueConfig.Get().NumConsumers = 1, 1 },
		"a queue that blocks": func(cfg *Config) {
			cfg.QueueConfig.Get().QueueSize, cfg.QueueConfig.Get().NumConsumers, cfg.QueueConfig.Get().BlockOnOverflow = 1, 1, true
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				am := newAlertmanager()
				am.answers(func(host string) (*http.Response, error) {
					if host == "down:9093" {
						return nil, errRefused
					}
					return respond(200, ""), nil
				})
				h := newHarness(t, am, func(cfg *Config) {
					cfg.ClientConfig.Endpoint = ""
					cfg.Endpoints = []string{"http://down:9093", "http://up:9093/am"}
					change(cfg)
				})
				h.start(t, nil)
				for i := range 10 {
					h.consume(t, violation{id: numbered(i), service: numbered(i)})
					synctest.Wait()
					posts := am.take()
					require.Len(t, posts, 1, "at once, and once")
					require.Equal(t, "up:9093", posts[0].host)
					require.Equal(t, "/am/api/v2/alerts", posts[0].path)
				}
				sleep(10*time.Minute + time.Second)
				require.Len(t, am.take(), 10, "one request for each renewal")
				require.NotZero(t, am.tried("down:9093"))

				am.answers(nil)
				sleep(2 * time.Minute)
				seen := map[string]bool{}
				for _, post := range am.take() {
					for _, alert := range post.alerts {
						if post.host == "down:9093" {
							seen[alert.Labels["service_name"]] = true
						}
					}
				}
				require.Len(t, seen, 10, "each gets every alert")
				require.NotZero(t, h.counted(t, "exporter_alerts_sends", "exporter", "alerts", "endpoint", "up:9093/am", "result", "accepted"))
				require.NotZero(t, h.counted(t, "exporter_alerts_sends", "exporter", "alerts", "endpoint", "down:9093", "result", "failed"))
				require.Equal(t, h.cfg.QueueConfig.HasValue(), h.counted(t, "exporter_queue_capacity", "exporter", "alerts/down:9093") > 0)
				h.stop(t)
			})
		})
	}
}

func TestTargetForgetsOffersOfAlertsThatAreGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		h.start(t, nil)
		h.consume(t, violation{})
		sleep(time.Hour)
		target := h.targets[0]
		target.mu.Lock()
		defer target.mu.Unlock()
		require.Empty(t, target.mu.requested)
		require.Empty(t, target.mu.due)
	})
}

func TestTargetSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t, newAlertmanager(), nil)
		set := h.set
		e := endpoint{name: "am-1:9093"}
		require.Equal(t, "alerts", targetSettings(set, h.cfg, e).ID.String())
		h.cfg.Endpoints = []string{"http://am-1:9093"}
		require.Equal(t, "alerts/am-1:9093", targetSettings(set, h.cfg, e).ID.String())
		require.NoError(t, set.ID.UnmarshalText([]byte("alerts/night")))
		require.Equal(t, "alerts/night/am-1:9093", targetSettings(set, h.cfg, e).ID.String())
		h.stop(t)
	})
}

// TestTargetCountsWhatAPauseLeavesUnsent: what an Alertmanager that asked for a pause is not told before
// the exporter stops is counted, unless a storage keeps it for the next start.
func TestTargetCountsWhatAPauseLeavesUnsent(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"queue":    func(*Config) {},
		"no queue": func(cfg *Config) { cfg.QueueConfig = noQueue() },
		"storage":  withStorage,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				am := newAlertmanager()
				am.answers(func(string) (*http.Response, error) { return respond(429, "", "Retry-After", "600"), nil })
				d := newDisk()
				h := newHarness(t, am, change)
				h.start(t, host{storageID: d})
				h.consume(t, violation{})
				sleep(time.Second)
				h.consume(t, violation{id: numbered(2), service: "ledger"}, violation{id: numbered(3), service: "cart"})
				sleep(time.Second)
				require.NoError(t, h.Shutdown(t.Context()))
				require.Equal(t, 1, am.tried("localhost:9093"), "it is left alone")
				if name != "storage" {
					require.Equal(t, int64(3), h.counted(t, "exporter_alerts_dropped", "reason", "shutdown"))
					require.Equal(t, int64(3), h.counted(t, "exporter_alerts_dropped"))
					return
				}
				require.Zero(t, h.counted(t, "exporter_alerts_dropped"))
				am.answers(nil)
				h = newHarness(t, am, change)
				h.start(t, host{storageID: d})
				synctest.Wait()
				services := map[string]bool{}
				for _, post := range am.take() {
					for _, a := range post.alerts {
						services[a.Labels["service_name"]] = true
					}
				}
				require.Len(t, services, 3)
				h.stop(t)
			})
		})
	}
}
