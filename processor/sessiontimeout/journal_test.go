package sessiontimeout

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestJournalIsBounded: while no checkpoint is stored the journal grows up to its
// bound and is suspended there, which is counted, said once and known after a crash;
// batches pass. A checkpoint makes room, and nothing is lost from then on.
func TestJournalIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const limit = 4 << 10
		m := newMemory(nil)
		r := newRig(t, acknowledged)
		p := newTestShared(t, r)
		p.maxJournal = limit
		require.NoError(t, p.start(context.Background(), m.host()))
		n := 0
		send := func(times int) {
			for range times {
				n++
				begin := time.Now()
				_, err := p.processTraces(context.Background(), requestSpan(fmt.Sprint("session ", n), begin))
				require.NoError(t, err)
				require.Zero(t, time.Since(begin))
				time.Sleep(time.Second)
			}
		}
		segments := func() (bytes int) {
			synctest.Wait() // until a checkpoint that is under way has counted what it let go of
			for key, value := range m.snapshot() {
				if strings.HasPrefix(key, segmentPrefix) {
					bytes += len(value)
				}
			}
			return bytes
		}
		send(2)
		m.setFault(writesFail("head", errDisk)) // checkpoints alone
		send(200)
		require.LessOrEqual(t, segments(), limit)
		require.Greater(t, segments(), limit*9/10)
		require.EqualValues(t, segments(), r.counts("journal_size")[""])
		writes := r.counts("journal_writes")
		require.EqualValues(t, 1, writes["full"], "it is suspended then")
		require.Zero(t, writes["failed"])
		require.Len(t, r.log.FilterMessageSnippet("does not take what is acknowledged").All(), 1)
		crashed := m.snapshot()

		m.setFault(nil)
		send(130) // two checkpoints: one makes room, and from the next one on it goes on
		require.Less(t, segments(), limit)
		require.EqualValues(t, segments(), r.counts("journal_size")[""])
		require.Greater(t, r.counts("journal_writes")["stored"], writes["stored"])
		kept := m.snapshot()
		require.NoError(t, p.stop(context.Background()))

		again := newRig(t, acknowledged)
		p = newTestShared(t, again)
		p.maxJournal = limit
		require.NoError(t, p.start(context.Background(), newMemory(crashed).host()))
		require.Positive(t, blindOf(p)["crash"], "what came when it was full")
		require.EqualValues(t, writes["stored"], p.keeper.Snapshot().Sessions, "all that it took")
		require.Greater(t, again.counts("journal_size")[""], int64(limit*9/10), "it is known after a start")
		require.Empty(t, again.counts("state_lost"))
		require.NoError(t, p.stop(context.Background()))

		again = newRig(t, acknowledged)
		p = newTestShared(t, again)
		require.NoError(t, p.start(context.Background(), newMemory(kept).host()))
		require.Empty(t, blindOf(p))
		require.Equal(t, n, p.keeper.Snapshot().Sessions)
		require.NoError(t, p.stop(context.Background()))
	})
}
