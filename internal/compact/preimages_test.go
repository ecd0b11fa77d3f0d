package compact

import (
	"bytes"
	"testing"
)

func TestSaved(t *testing.T) {
	var s Preimages
	// Numbers in no order, values of every length, empty ones and one that is
	// longer than a block among them.
	value := func(n int) []byte {
		length := n * 131
		if n == 50 {
			length = 3 * MaxPreimageBlock
		}
		return bytes.Repeat([]byte{byte(n)}, length)
	}
	const numbers = 512
	for i := range numbers {
		n := i * 37 % numbers
		if s.Has(n) {
			t.Fatalf("%d before it was put", n)
		}
		if n%3 < 2 {
			s.Put(n, func(buf []byte) []byte { return append(buf, value(n)...) })
		}
	}
	if len(s.blocks) < 10 {
		t.Errorf("%d blocks", len(s.blocks))
	}
	for n := range numbers {
		got, ok := s.Get(n)
		if ok != (n%3 < 2) || ok && !bytes.Equal(got, value(n)) {
			t.Fatalf("%d: %d bytes, %v", n, len(got), ok)
		}
	}
	if _, ok := s.Get(numbers + 64); ok {
		t.Error("one that was never put")
	}
}
