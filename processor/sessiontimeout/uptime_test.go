package sessiontimeout

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// TestGeneratedKeyIsKept in a real storage, in which a start finds what the one before it left.
func TestGeneratedKeyIsKept(t *testing.T) {
	host, id := hostWithStorage(t, t.TempDir())
	r := newRig(t, func(cfg *Config) { cfg.Storage, cfg.SessionID.HashKey = &id, "" })
	first := newTestShared(t, r)
	require.NoError(t, first.start(context.Background(), host))
	require.Zero(t, blindOf(first), "nothing is known of a time before the first start")
	key := first.extractor.Pseudonym("s")
	require.NoError(t, first.stop(context.Background()))

	second := newTestShared(t, r)
	require.NoError(t, second.start(context.Background(), host))
	require.Zero(t, blindOf(second))
	require.Equal(t, key, second.extractor.Pseudonym("s"), "the generated key is kept")
	require.NoError(t, second.stop(context.Background()))
	require.NoError(t, second.stop(context.Background()), "safe twice")
}

// TestHeartbeatFailsOnce: a storage that fails is said once, not every second.
func TestHeartbeatFailsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory(nil)
		r := newRig(t, stored)
		p := newTestShared(t, r)
		require.NoError(t, p.start(context.Background(), m.host()))
		for range 2 {
			m.setFault(writesFail("", errDisk))
			time.Sleep(time.Minute)
			m.setFault(nil)
			time.Sleep(time.Minute)
		}
		require.Len(t, r.log.FilterMessageSnippet("takes nothing").All(), 2)
		require.NoError(t, p.stop(context.Background()))
	})
}
