package keeper

import (
	"context"
	"encoding/binary"
	"math"
	"time"

	"go.opentelemetry.io/collector/extension/xextension/storage"
	"go.uber.org/zap"

	"github.com/otelcol-session/otelcol-session/internal/safestore"
	"github.com/otelcol-session/otelcol-session/internal/wire"
)

const (
	// heartbeatKey is what the last instant of the collector is stored under.
	heartbeatKey = "alive"
	// heartbeatEvery is how often it is written.
	heartbeatEvery = time.Second
	// heartbeatSlack is how much later than that a crash may have come: what is
	// written may be on its way for as long.
	heartbeatSlack = heartbeatEvery + safestore.Timeout

	// never is the instant of what has not happened.
	never = math.MaxInt64

	// Why a time is blind.
	reasonCrash    = "crash"
	reasonDowntime = "downtime"
)

// uptime says until when the collector was up, and what it had stored by then.
// Instants are nanoseconds since the Unix epoch.
type uptime struct {
	at int64
	// undurable is since when facts are in checkpoints alone, not in the
	// journal; never, if there are none.
	undurable int64
	segments  uint64 // those of the journal that are stored have lower numbers
	clean     bool   // it stopped here, and everything is stored
}

const uptimeLength = 25

func (u uptime) sealed() []byte {
	b := wire.Begin(make([]byte, 0, wire.Header+uptimeLength))
	b = binary.BigEndian.AppendUint64(b, uint64(u.at))
	b = binary.BigEndian.AppendUint64(b, uint64(u.undurable))
	b = binary.BigEndian.AppendUint64(b, u.segments)
	if u.clean {
		return seal(append(b, 1), heartbeatKey)
	}
	return seal(append(b, 0), heartbeatKey)
}

func readUptime(value []byte) (uptime, error) {
	b, err := unseal(value, heartbeatKey)
	if err != nil {
		return uptime{}, err
	}
	if len(b) != uptimeLength {
		return uptime{}, wire.ErrTruncated
	}
	return uptime{
		int64(binary.BigEndian.Uint64(b)), int64(binary.BigEndian.Uint64(b[8:])), binary.BigEndian.Uint64(b[16:]), b[24] == 1,
	}, nil
}

// beat stores that the collector is up, behind the operations ops. Safe
// for concurrent use: what is stored last was true last.
func (k *Keeper) beat(ctx context.Context, clean bool, ops ...*storage.Operation) error {
	if err := k.heartbeat.Lock(ctx); err != nil {
		return err
	}
	defer k.heartbeat.Unlock()
	k.mu.Lock()
	u := uptime{time.Now().UnixNano(), k.mu.journal.undurable, k.mu.journal.written, clean}
	k.mu.Unlock()
	err := k.cfg.Store.Batch(ctx, append(ops, storage.SetOperation(heartbeatKey, u.sealed()))...)
	if len(ops) > 0 {
		return err // whose they are says what that means
	}
	if err != nil && ctx.Err() == nil && !k.heartbeat.failed {
		k.cfg.Logger.Error("The storage takes nothing: what comes from now on may be lost with a crash, and the next start may not know of it", zap.Error(err))
	}
	k.heartbeat.failed = err != nil
	return err
}
