package safestore

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Values that we store begin with a version and a checksum: not every storage notices that it has gone bad.
const (
	sealVersion = 1
	// SealLength is how many bytes a sealed value has before its content.
	SealLength = 5
)

// What may be wrong with a sealed value. The texts are reasons in metrics.
var (
	ErrTruncated = errors.New("truncated")
	ErrCorrupt   = errors.New("corrupt")
	ErrNewer     = errors.New("newer_version")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Unsealed begins a value in the memory of buf; what is appended to it is its content.
func Unsealed(buf []byte) []byte { return append(buf[:0], make([]byte, SealLength)...) }

// Seal completes a value that Unsealed began, in place.
func Seal(value []byte) []byte {
	value[0] = sealVersion
	binary.BigEndian.PutUint32(value[1:], crc32.Checksum(value[SealLength:], castagnoli))
	return value
}

// Unseal returns the content of a sealed value, which shares its memory. Errors are ErrTruncated,
// ErrCorrupt, and ErrNewer where a later version has sealed it.
func Unseal(value []byte) ([]byte, error) {
	switch {
	case len(value) < SealLength:
		return nil, ErrTruncated
	case value[0] > sealVersion:
		return nil, ErrNewer
	case value[0] < sealVersion, binary.BigEndian.Uint32(value[1:]) != crc32.Checksum(value[SealLength:], castagnoli):
		return nil, ErrCorrupt
	}
	return value[SealLength:], nil
}
