package session

import (
	"encoding/binary"

	"github.com/otelcol-session/otelcol-session/internal/wire"
)

// What is stored is written with variable-length integers, and instants as
// their distance from one that came before; nothing is written for what is not
// there. Arithmetic wraps on both sides, so that any instant survives.

// decoder reads what is stored. After its first error, which stays, it returns
// zeros only. Only a part is memory of what it reads.
type decoder struct {
	left    []byte
	version byte // of what wrote it, see [wire.Version]
	err     error
}

// decoderOf reads what this version writes.
func decoderOf(b []byte) decoder { return decoder{left: b, version: wire.Version} }

func (d *decoder) fail() {
	if d.err == nil {
		d.err = wire.ErrCorrupt
	}
	d.left = nil
}

func (d *decoder) uvarint() uint64 {
	v, n := binary.Uvarint(d.left)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.left = d.left[n:]
	return v
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.left)
	if n <= 0 {
		d.fail()
		return 0
	}
	d.left = d.left[n:]
	return v
}

// after reads an instant that was written as its distance from base.
func (d *decoder) after(base int64) int64 { return base + d.varint() }

// below reads a number that is less than limit.
func (d *decoder) below(limit uint64) uint64 {
	v := d.uvarint()
	if v >= limit {
		d.fail()
		return 0
	}
	return v
}

func (d *decoder) byte() byte {
	if len(d.left) == 0 {
		d.fail()
		return 0
	}
	b := d.left[0]
	d.left = d.left[1:]
	return b
}

func (d *decoder) bool() bool { return d.byte() != 0 }

// copy fills to.
func (d *decoder) copy(to []byte) {
	if len(d.left) < len(to) {
		d.fail()
		return
	}
	copy(to, d.left)
	d.left = d.left[len(to):]
}

// part returns the next n bytes, which are read on their own.
func (d *decoder) part(n uint64) decoder {
	if n > uint64(len(d.left)) {
		d.fail()
		return decoder{err: d.err}
	}
	p := decoder{left: d.left[:n:n], version: d.version}
	d.left = d.left[n:]
	return p
}

func (d *decoder) string() string {
	p := d.part(d.uvarint())
	return string(p.left)
}

func (d *decoder) id() (id ID) {
	var b [16]byte
	d.copy(b[:])
	return ID{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// count reads how many things follow that take at least size bytes each, so
// that a few bytes cannot ask for much memory.
func (d *decoder) count(size int) int {
	n := d.uvarint()
	if n > uint64(len(d.left)/size) {
		d.fail()
		return 0
	}
	return int(n)
}

// end says whether all has been read, and nothing else was there.
func (d *decoder) end() error {
	if d.err == nil && len(d.left) > 0 {
		d.fail()
	}
	return d.err
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendID(b []byte, id ID) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, id[0]), id[1])
}

func appendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

func appendResource(b []byte, r *Resource) []byte {
	for _, s := range [...]string{r.ServiceName, r.ServiceNamespace, r.ServiceInstance, r.Environment} {
		b = appendString(b, s)
	}
	return b
}

// resource reads a resource, whose texts may be from a version that took what
// came.
func (d *decoder) resource() (r Resource) {
	for _, s := range [...]*string{&r.ServiceName, &r.ServiceNamespace, &r.ServiceInstance, &r.Environment} {
		*s = Clean(d.string())
	}
	return r
}

func appendDetails(b []byte, d *Details) []byte {
	b = binary.AppendVarint(b, int64(d.Status))
	for _, s := range [...]string{d.Method, d.Route, d.Path, d.RPCMethod, d.Destination} {
		b = appendString(b, s)
	}
	return b
}

// append appends k as appendDetails does.
func (k kept) append(b []byte) []byte {
	b = binary.AppendVarint(b, int64(k.status()))
	texts := k[detailHeader:]
	for i := range detailTexts {
		n := k.length(i)
		b = append(binary.AppendUvarint(b, uint64(n)), texts[:n]...)
		texts = texts[n:]
	}
	return b
}

func (d *decoder) details() (v Details) {
	v.Status = int32(d.varint())
	for _, s := range [...]*string{&v.Method, &v.Route, &v.Path, &v.RPCMethod, &v.Destination} {
		*s = d.string()
	}
	return v
}
