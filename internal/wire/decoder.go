package wire

import "encoding/binary"

// What is stored is written with variable-length integers, and instants as
// their distance from one that came before; nothing is written for what is not
// there. Arithmetic wraps on both sides, so that any instant survives.

// Decoder reads what was stored. After its first error, which stays in Err, its
// methods return zero. Nothing that it returns, but a [Decoder.Part], shares memory
// with what it reads. Not safe for concurrent use.
type Decoder struct {
	Left    []byte // what has yet to be read
	Version byte   // of what wrote it, see [Version]
	Err     error  // nil or [ErrCorrupt]
}

// NewDecoder returns a decoder of what this version writes.
func NewDecoder(b []byte) Decoder { return Decoder{Left: b, Version: Version} }

// Fail ends the reading: what was read cannot be what was written.
func (d *Decoder) Fail() {
	if d.Err == nil {
		d.Err = ErrCorrupt
	}
	d.Left = nil
}

// Uvarint reads what [binary.AppendUvarint] wrote.
func (d *Decoder) Uvarint() uint64 {
	v, n := binary.Uvarint(d.Left)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.Left = d.Left[n:]
	return v
}

// Varint reads what [binary.AppendVarint] wrote.
func (d *Decoder) Varint() int64 {
	v, n := binary.Varint(d.Left)
	if n <= 0 {
		d.Fail()
		return 0
	}
	d.Left = d.Left[n:]
	return v
}

// After reads an instant that was written as its distance from base.
func (d *Decoder) After(base int64) int64 { return base + d.Varint() }

// Below reads a number that must be less than limit.
func (d *Decoder) Below(limit uint64) uint64 {
	v := d.Uvarint()
	if v >= limit {
		d.Fail()
		return 0
	}
	return v
}

// Byte reads one byte.
func (d *Decoder) Byte() byte {
	if len(d.Left) == 0 {
		d.Fail()
		return 0
	}
	b := d.Left[0]
	d.Left = d.Left[1:]
	return b
}

// Bool reads what [AppendBool] wrote.
func (d *Decoder) Bool() bool { return d.Byte() != 0 }

// Copy fills to, or leaves it as it is where there is not so much.
func (d *Decoder) Copy(to []byte) {
	if len(d.Left) < len(to) {
		d.Fail()
		return
	}
	copy(to, d.Left)
	d.Left = d.Left[len(to):]
}

// Part returns a decoder of the next n bytes. It shares their memory.
func (d *Decoder) Part(n uint64) Decoder {
	if n > uint64(len(d.Left)) {
		d.Fail()
		return Decoder{Err: d.Err}
	}
	p := Decoder{Left: d.Left[:n:n], Version: d.Version}
	d.Left = d.Left[n:]
	return p
}

// Text reads what [AppendText] wrote.
func (d *Decoder) Text() string {
	p := d.Part(d.Uvarint())
	return string(p.Left)
}

// Uint128 reads what [AppendUint128] wrote.
func (d *Decoder) Uint128() [2]uint64 { return [2]uint64{d.Uint64(), d.Uint64()} }

// Uint64 reads 8 bytes, big-endian.
func (d *Decoder) Uint64() uint64 {
	var b [8]byte
	d.Copy(b[:])
	return binary.BigEndian.Uint64(b[:])
}

// LittleEndian reads 8 bytes, little-endian.
func (d *Decoder) LittleEndian() uint64 {
	var b [8]byte
	d.Copy(b[:])
	return binary.LittleEndian.Uint64(b[:])
}

// Len reads how many things follow that take at least size bytes each, so that a
// few bytes cannot ask for much memory.
func (d *Decoder) Len(size int) int {
	n := d.Uvarint()
	if n > uint64(len(d.Left)/size) {
		d.Fail()
		return 0
	}
	return int(n)
}

// End returns Err. It is an error, too, if something is left.
func (d *Decoder) End() error {
	if d.Err == nil && len(d.Left) > 0 {
		d.Fail()
	}
	return d.Err
}

// AppendText appends the length of s and s.
func AppendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// AppendUint128 appends v, big-endian.
func AppendUint128(b []byte, v [2]uint64) []byte {
	return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(b, v[0]), v[1])
}

// AppendBool appends one byte.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}
