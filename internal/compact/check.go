package compact

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// What here checks books costs as much as there is in them: it is for tests.

// differ is an error where have is not want.
func differ(what string, have, want int) error {
	if have == want {
		return nil
	}
	return fmt.Errorf("%s: %d, counted %d", what, have, want)
}

// Check counts the cells, which lead to so many entries.
func (x *Index) Check(entries int) error {
	used, left := 0, 0
	for _, c := range x.cells {
		if c != 0 {
			used++
		}
	}
	for i, c := range x.old {
		if c != 0 && c != movedCell && i >= x.moved {
			left++
		}
	}
	return errors.Join(differ("cells in use", x.used, used), differ("entries", used+left, entries))
}

// Check counts the bytes and the free cells, refs being all that are in use.
func (s *Slab) Check(refs []uint32) error {
	var used [len(slabSizes)]map[uint32]bool
	for class := range used {
		used[class] = map[uint32]bool{}
	}
	var errs []error
	bytes := 0
	for _, ref := range refs {
		class, i := ref>>slabIndexBits, ref&(1<<slabIndexBits-1)-1
		if used[class][i] {
			errs = append(errs, fmt.Errorf("cell %d of class %d is used twice", i, class))
		}
		used[class][i] = true
		bytes += slabSizes[class]
	}
	errs = append(errs, differ("bytes", s.used, bytes))
	for class := range s.classes {
		c := &s.classes[class]
		free := 0
		for next := c.free; next != 0 && free <= int(c.used); next = binary.LittleEndian.Uint32(c.cell(class, next-1)) {
			if used[class][next-1] {
				errs = append(errs, fmt.Errorf("cell %d of class %d is free and in use", next-1, class))
			}
			free++
		}
		errs = append(errs, differ("free cells", int(c.used)-len(used[class]), free))
	}
	return errors.Join(errs...)
}

// Check counts the references to each block, refs being all that were given out.
func (l *TextLog) Check(refs []uint64) error {
	counts := make([]uint32, len(l.blocks))
	var errs []error
	for _, where := range refs {
		if i := where>>32 - 1 - l.before; i < uint64(len(counts)) {
			counts[i]++
		} else {
			errs = append(errs, fmt.Errorf("what was put at %d is gone", where))
		}
	}
	for i := range counts {
		errs = append(errs, differ(fmt.Sprintf("references to block %d of %d", i, len(counts)), int(l.blocks[i].refs), int(counts[i])))
	}
	return errors.Join(errs...)
}
