package alerts

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestSaverSavesSoonAndSeldom: what was raised is stored within about a second, and a flood of new alerts
// does not have everything written again for each of them.
func TestSaverSavesSoonAndSeldom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h := newHarness(t, newAlertmanager(), withStorage)
		h.start(t, host{storageID: d})
		h.consume(t, violation{id: numbered(1 << 20), service: "the-first"})
		synctest.Wait()
		require.Contains(t, d.leases(), "the-first", "at once")
		before := d.written()
		for i := range 300 { // one every tenth of a second
			h.consume(t, violation{id: numbered(i), service: "service-" + strconv.Itoa(i)})
			time.Sleep(100 * time.Millisecond)
			if i >= 11 {
				require.Contains(t, d.leases(), `"service-`+strconv.Itoa(i-11)+`"`, "a second later")
			}
		}
		require.LessOrEqual(t, d.written()-before, 30)

		sleep(3 * time.Second)
		before = d.written()
		for i := range 300 { // nothing new is raised
			h.consume(t, violation{id: numbered(i), revision: int64(i + 2), service: "service-" + strconv.Itoa(i)})
			time.Sleep(100 * time.Millisecond)
		}
		require.LessOrEqual(t, d.written()-before, 1, "renewals wait for the resend interval")
		h.stop(t)
	})
}

// TestSaverWithASlowStorage: one save is under way at a time, they take a fifth of the time at most, and
// the last one has everything.
func TestSaverWithASlowStorage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		var under, most int
		d.hold(func(file string, ops ...*storage.Operation) error {
			if isLeases(file) && ops[0].Type == storage.Set {
				under++
				most = max(most, under)
				time.Sleep(2 * time.Second)
				under--
			}
			return nil
		})
		h := newHarness(t, newAlertmanager(), withStorage)
		h.start(t, host{storageID: d})
		for i := range 100 {
			begin := time.Now()
			h.consume(t, violation{id: numbered(i), service: "service-" + strconv.Itoa(i)})
			require.Equal(t, begin, time.Now())
			sleep(time.Second)
		}
		require.Equal(t, 1, most)
		require.LessOrEqual(t, d.written(), 11)
		h.consume(t, violation{id: numbered(100), service: "the-last"})
		h.stop(t)
		require.Contains(t, d.leases(), "the-last")
	})
}

// TestSaverKeepsTheDeadline: a save that is under way when the exporter stops holds it up no longer than
// it may, and one that ends in time is followed by the last one.
func TestSaverKeepsTheDeadline(t *testing.T) {
	for takes, ok := range map[time.Duration]bool{time.Second: true, 9 * time.Second: false} {
		t.Run(takes.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := newDisk()
				h := newHarness(t, newAlertmanager(), withStorage)
				h.start(t, host{storageID: d})
				d.hold(func(file string, _ ...*storage.Operation) error {
					if isLeases(file) {
						time.Sleep(takes)
					}
					return nil
				})
				h.consume(t, violation{id: numbered(1)})
				synctest.Wait()
				h.consume(t, violation{id: numbered(2), service: "the-last"})
				synctest.Wait()
				ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
				defer cancel()
				begin := time.Now()
				err := h.Shutdown(ctx)
				require.LessOrEqual(t, time.Since(begin), 5*time.Second)
				if ok {
					require.NoError(t, err)
					require.Contains(t, d.leases(), "the-last")
				} else {
					require.ErrorIs(t, err, context.DeadlineExceeded)
				}
				time.Sleep(10 * time.Second) // the storage comes back
				sent := map[string]bool{}
				for _, post := range h.am.take() {
					for _, a := range post.alerts {
						sent[a.Labels["service_name"]] = true
					}
				}
				require.Equal(t, map[string]bool{"checkout": true, "the-last": true}, sent, "they were sent all the same")
			})
		})
	}
}

// TestSaverSaysOnce that the storage takes nothing, and that it does again.
func TestSaverSaysOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDisk()
		h := newHarness(t, newAlertmanager(), withStorage)
		core, log := observer.New(zapcore.InfoLevel)
		h.set.Logger = zap.New(core)
		h.start(t, host{storageID: d})
		d.hold(func(file string, _ ...*storage.Operation) error {
			if isLeases(file) {
				return errors.New("no space left on device")
			}
			return nil
		})
		for i := range 10 {
			h.consume(t, violation{id: numbered(i), service: numbered(i)})
			sleep(time.Minute)
		}
		require.Equal(t, 1, log.Len())
		require.GreaterOrEqual(t, h.counted(t, "exporter_alerts_saves", "result", "failed"), int64(10))
		require.Zero(t, h.counted(t, "exporter_alerts_saves", "result", "stored"))
		d.hold(nil)
		sleep(5 * time.Minute)
		require.Equal(t, 2, log.Len())
		require.NotZero(t, h.counted(t, "exporter_alerts_saves", "result", "stored"))
		h.stop(t)
	})
}
