package extract

import (
	"math/bits"
	"strings"
)

// routeParts are those of a route that sets of them look at. A rule's route is the
// HTTP route; the path is only where there is none that says anything. Entries
// without a slash are compared with the last segment, with an extension or a
// format (.php, (.:format)) and without. A path whose earlier segment has an
// extension of letters (/account.php/login) is that script's: what a client can
// append is no other route.
type routeParts struct {
	full    string // all up to the first ';' or '?'
	segment string // the last one, whether a slash follows it or not
	name    string // the same without an extension
}

func newRouteParts(s string) routeParts {
	full := cutParameters(s)
	trimmed := trimSlashes(full)
	segment := trimmed[strings.LastIndexByte(trimmed, '/')+1:]
	return routeParts{full: full, segment: segment, name: withoutExtension(segment)}
}

// newPathParts are those of a path.
func newPathParts(s string) routeParts {
	p := newRouteParts(s)
	if script := scriptOf(p.full); script != "" {
		p.segment, p.name = script, withoutExtension(script)
	}
	return p
}

// scriptOf is the first segment that has an extension of letters and is not the
// last one.
func scriptOf(path string) string {
	for dot := strings.IndexByte(path, '.'); dot >= 0; {
		end := dot + 1
		for end < len(path) && path[end]|0x20 >= 'a' && path[end]|0x20 <= 'z' {
			end++
		}
		if end > dot+1 && end < len(path) && path[end] == '/' && dot > 0 && path[dot-1] != '/' {
			if strings.Trim(path[end:], "/") == "" {
				return "" // it is the last one
			}
			return path[strings.LastIndexByte(path[:dot], '/')+1 : end]
		}
		next := strings.IndexByte(path[dot+1:], '.')
		if next < 0 {
			break
		}
		dot += 1 + next
	}
	return ""
}

// hasScript reports, quickly, whether a path may have such a segment, where its last
// eight bytes have no dot.
func hasScript(path string) bool {
	n := len(path)
	return n > 8 && (hasDot(word(path)) || n > 16 && strings.IndexByte(path[8:n-8], '.') >= 0)
}

// maxExtension is the length of the longest extension, with its dot.
const maxExtension = 8

// withoutExtension is a segment without what follows its last dot, if that is one
// or a format as frameworks write it.
func withoutExtension(segment string) string {
	dot := strings.LastIndexByte(segment, '.')
	if dot <= 0 || dot == len(segment)-1 || len(segment)-dot > maxExtension && segment[len(segment)-1] != ')' {
		return segment
	}
	switch extension := segment[dot+1:]; {
	case segment[dot-1] == '(':
		if dot > 1 && segment[len(segment)-1] == ')' {
			return segment[:dot-1]
		}
	case extension[0] == ':':
		return segment[:dot]
	case extension[0]|0x20 >= 'a' && extension[0]|0x20 <= 'z':
		for i := range len(extension) {
			if c := extension[i]; c >= 0x80 || !isWord(c) {
				return segment
			}
		}
		return segment[:dot]
	}
	return segment
}

// isNamed reports whether a route begins as almost every one does that says
// something.
func isNamed(route string) bool {
	return len(route) > 1 && route[0] == '/' && (route[1]|0x20)-'a' < 26
}

// isAny reports whether a route is the root or one wildcard, which some
// instrumentations give for every request, or none.
func isAny(route string) bool {
	n := len(route)
	if n <= 1 {
		return n == 0 || route[0] == '/' || route[0] == '*'
	}
	return strings.LastIndexByte(route[:n-1], '/') <= 0 && isWildcard(route)
}

// isWildcard reports whether a single segment matches any rest: *, {*path},
// :path*, [...slug], {path...}, <path:rest>, (.*).
func isWildcard(route string) bool {
	s := strings.Trim(strings.TrimLeft(route, "^"), "/")
	if s == "" {
		return true
	}
	switch s[0] {
	case '*', '{', ':', '[', '<', '(', '.':
		return strings.IndexByte(s, '*') >= 0 || strings.Contains(s, "...") || strings.Contains(s, "path:") || strings.HasSuffix(s, "+}")
	}
	return false
}

// trimSlashes cuts trailing slashes, but leaves the root its own.
func trimSlashes(path string) string {
	for len(path) > 1 && path[len(path)-1] == '/' {
		path = path[:len(path)-1]
	}
	return path
}

// cutParameters is s up to the first ';' or '?'. It takes eight bytes at a
// time: that almost every route has neither is so known without a branch for
// each byte.
func cutParameters(s string) string {
	n := len(s)
	if n < 8 {
		for i := range n {
			if s[i] == ';' || s[i] == '?' {
				return s[:i]
			}
		}
		return s
	}
	for i := 0; i < n-8; i += 8 {
		if signs := parameterSigns(word(s[i:])); signs != 0 {
			return s[:i+bits.TrailingZeros64(signs)/8]
		}
	}
	if signs := parameterSigns(word(s[n-8:])); signs != 0 {
		return s[:n-8+bits.TrailingZeros64(signs)/8]
	}
	return s
}

// parameterSigns has the highest bit set in the first byte of w that is ';' or
// '?', which differ in one bit, and is zero if none is.
func parameterSigns(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	w = (w | ones*(';'^'?')) ^ ones*'?'
	return (w - ones) &^ w & high
}

// word is the first eight bytes of s.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// routeFilter tells by its first and last bytes, in any case, that a route is in no
// set, which is so of almost every one. It errs on the other side only.
type routeFilter struct {
	heads, segments headFilter // of what routes and their last segments begin with
	ends            []string   // what routes end with, with a slash before segments
	tails           [64]uint64 // of the last bytes of ends: of as many as the shortest has,
	shift           uint32     // which is told by the bits of the others among tailSize
	short           bool       // there may be routes of less than tailSize
}

const tailSize = 4

// add lets pass what may be in r.
func (f *routeFilter) add(r *routeSet) {
	for _, entry := range r.segments {
		f.short = f.short || len(entry) < tailSize
		f.ends = append(f.ends, "/"+entry)
	}
	for _, entry := range r.whole {
		if len(entry) < tailSize {
			f.short = true // so is the route, but for slashes and an extension
			continue
		}
		f.ends = append(f.ends, entry)
	}
	for _, begin := range r.under {
		f.heads.add(begin)
	}
	for _, begin := range r.begins {
		f.segments.add(begin)
		f.short = true
	}
	shortest := tailSize
	for _, end := range f.ends {
		shortest = min(shortest, len(end))
	}
	f.shift, f.tails = uint32(8*(tailSize-shortest)), [64]uint64{}
	for _, end := range f.ends {
		bit := f.tailBit(word(("        " + end)[len(end):]))
		f.tails[bit/64] |= 1 << (bit % 64)
	}
}

// passes reports whether a route, without parameters, may be in a set.
func (f *routeFilter) passes(full string) bool {
	n := len(full)
	if n < tailSize {
		return f.short || f.heads.passes(full)
	}
	var end uint64 // the last eight bytes, or all of them, some twice
	if n >= 8 {
		end = word(full[n-8:])
	} else {
		end = uint64(halfWord(full)) | uint64(halfWord(full[n-tailSize:]))<<32
	}
	if last := end >> 56; last == '/' || last == ')' || hasDot(end) {
		return true // it may have an extension, or a format
	}
	if bit := f.tailBit(end); f.tails[bit/64%64]>>(bit%64)&1 != 0 {
		return true
	}
	return f.heads.any && f.heads.passes(full) || f.segments.any && f.segments.passes(lastSegment(full))
}

// tailBit hashes the last bytes of a word.
func (f *routeFilter) tailBit(w uint64) uint32 {
	return (uint32(w>>32) | 0x20202020) >> (f.shift % 32) * 0x9e3779b1 >> 20
}

// halfWord is the first four bytes of s.
func halfWord(s string) uint32 {
	_ = s[3]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

// lastSegment is what follows the last slash, which is near the end.
func lastSegment(full string) string {
	i := len(full)
	for i > 0 && full[i-1] != '/' {
		i--
	}
	return full[i:]
}

// passesRPC reports whether /service/method may be in a set, of which method is the
// end.
func (f *routeFilter) passesRPC(method string) bool {
	return f.heads.any || len(method) < tailSize || f.passes(method)
}

// hasDot reports whether one of the bytes of w is one.
func hasDot(w uint64) bool {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	w ^= ones * '.'
	return (w-ones)&^w&high != 0
}
