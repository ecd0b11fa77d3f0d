package keeper

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// storedValue is the kind of what the processor stores beside the engine.
const storedValue = 'p'

// seal completes a value that [wire.Begin] began, and that is stored under key.
func seal(value []byte, key string) []byte {
	wire.Seal(value, storedValue, key)
	return value
}

// unseal returns the content of a value that is stored under key. Its errors are
// reasons in metrics.
func unseal(value []byte, key string) ([]byte, error) {
	if len(value) > 0 && value[0] == bareVersion {
		return unsealBare(value)
	}
	o, err := wire.Open(value, storedValue, key)
	return o.Body, err
}

// Beside a checkpoint of version 2 lie values without an envelope: a version and a
// checksum, with which no envelope begins.
const (
	bareVersion = 1
	bareHeader  = 5
)

func unsealBare(value []byte) ([]byte, error) {
	switch {
	case wire.Oldest > 2:
		return nil, wire.ErrOlder
	case len(value) < bareHeader:
		return nil, wire.ErrTruncated
	case binary.BigEndian.Uint32(value[1:]) != crc32.Checksum(value[bareHeader:], crc32.MakeTable(crc32.Castagnoli)):
		return nil, wire.ErrCorrupt
	}
	return value[bareHeader:], nil
}
