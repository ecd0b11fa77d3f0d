// Package wire is the envelope of all that is stored: what a value begins with,
// so that one that has gone bad, lies under another key or is of another version
// is known as such before anything of it is used.
package wire

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
)

// Version is that of all that is stored, and Oldest the first that is still read:
// what the version before this one has stored is read by this one, whose next
// checkpoint writes it anew.
//
// Who adds something to what is stored raises Version by one, unless no release
// has stored it yet, reads the new part only where what is read has that version
// (`if version >= 4`), and keeps what the older version stored: the golden stores
// under testdata/stored are named by the version that wrote them, and `go test -run
// TestGolden -update` in internal/session and processor/sessiontimeout writes those
// of Version. Oldest is then the version of the release before.
//
//	3  all values have this envelope
//	2  checkpoints have it, other values have a version of 1 and a checksum
const (
	Version = 3
	Oldest  = 2
)

// Reasons why a value is not read, as they stand in metrics.
var (
	ErrMissing   = errors.New("missing")
	ErrTruncated = errors.New("truncated")
	ErrCorrupt   = errors.New("corrupt")
	// ErrOlder: a version wrote it that is not read any more.
	ErrOlder = errors.New("older_version")
	// ErrNewer: a newer version wrote it.
	ErrNewer = errors.New("newer_version")
)

// A value is
//
//	magic     4 bytes
//	version   1
//	kind      1, what it is to those who store it
//	length    4, of the body, little-endian
//	checksum  4, CRC-32C of version, kind, length, key and body
//	body
const (
	magic = "OSES"
	// Header is how many bytes stand in front of the body.
	Header = 14
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Begin returns a value without a body, in the memory of buf; the body is appended
// to it.
func Begin(buf []byte) []byte { return append(buf[:0], make([]byte, Header)...) }

// Seal completes a value that Begin began, which is stored under key, and returns
// its checksum.
func Seal(value []byte, kind byte, key string) (sum uint32) {
	copy(value, magic)
	value[4], value[5] = Version, kind
	binary.LittleEndian.PutUint32(value[6:], uint32(len(value)-Header))
	sum = checksum(value, key)
	binary.LittleEndian.PutUint32(value[10:], sum)
	return sum
}

func checksum(value []byte, key string) uint32 {
	sum := crc32.Checksum(value[4:10], castagnoli)
	sum = crc32.Update(sum, castagnoli, []byte(key))
	return crc32.Update(sum, castagnoli, value[Header:])
}

// Opened is a value as it was stored.
type Opened struct {
	Body    []byte // memory of the value
	Version byte   // of what wrote it, from Oldest to Version
	Sum     uint32
}

// Open returns what a value that is stored under key holds. Its error is one of
// the reasons; a nil value is missing.
func Open(value []byte, kind byte, key string) (o Opened, err error) {
	switch {
	case value == nil:
		return o, ErrMissing
	case len(value) < len(magic)+1:
		return o, ErrTruncated
	case string(value[:len(magic)]) != magic:
		return o, ErrCorrupt
	}
	if err := Known(value[4], Oldest, Version); err != nil {
		return o, err
	}
	if len(value) < Header {
		return o, ErrTruncated
	}
	length := uint64(binary.LittleEndian.Uint32(value[6:]))
	o = Opened{value[Header:], value[4], binary.LittleEndian.Uint32(value[10:])}
	switch have := uint64(len(o.Body)); {
	case have < length:
		return Opened{}, ErrTruncated
	case have > length, value[5] != kind, checksum(value, key) != o.Sum:
		return Opened{}, ErrCorrupt
	}
	return o, nil
}

// Known says whether version is one of those that are read, and which it is if not.
func Known(version, oldest, newest byte) error {
	switch {
	case version < oldest:
		return ErrOlder
	case version > newest:
		return ErrNewer
	}
	return nil
}
