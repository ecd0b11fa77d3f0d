package advice

import "slices"

const (
	// mostEnds, mostLogins and mostRotations are remembered, to see whether requests
	// know the sessions that they name.
	mostEnds, mostLogins, mostRotations = 1024, 1024, 1024
	// mostForms of ids are told apart on each side.
	mostForms = 16
	// mostNamed are as many as keep a bloom filter sparse.
	mostNamed = bloomBits / 32
)

// ids are those of sessions, hashed: the ones that requests name, as their own or as
// a larger one that they are part of, against the ones that events name.
type ids struct {
	named, own bloom
	// changed are those that requests name, as each difference would change them.
	changed  [differenceCount]bloom
	ends     []endID
	logins   []uint64
	rotated  []rotation
	requests idForms
	ended    idForms
}

// endID is that of an end, as it is and changed by each difference, 0 where one
// changes nothing in it.
type endID struct {
	hash    uint64
	changed [differenceCount]uint64
}

// rotation is onto an id that continues the previous one.
type rotation struct{ next, previous uint64 }

// isFull reports whether so many are named that others would pass for them.
func (s *ids) isFull() bool { return s.named.n >= mostNamed }

// request takes note of the id that a request names as its own.
func (s *ids) request(d *differ, raw string) {
	s.own.add(d.hash.of(raw))
	s.linked(d, raw)
}

// linked takes note of an id whose end would end a session that a request names.
func (s *ids) linked(d *differ, raw string) {
	if !s.named.add(d.hash.of(raw)) {
		return
	}
	s.requests.add(raw)
	d.each(raw, func(i difference, changed uint64) { s.changed[i].add(changed) })
}

// end takes note of an id that an end names.
func (s *ids) end(d *differ, raw string) {
	hash := d.hash.of(raw)
	if len(s.ends) >= mostEnds || slices.ContainsFunc(s.ends, func(e endID) bool { return e.hash == hash }) {
		return
	}
	e := endID{hash: hash}
	d.each(raw, func(i difference, changed uint64) { e.changed[i] = changed })
	s.ends = append(s.ends, e)
	s.ended.add(raw)
}

// login takes note of an id that a login or a start names.
func (s *ids) login(hash uint64) {
	if len(s.logins) < mostLogins {
		s.logins = append(s.logins, hash)
	}
}

func (s *ids) rotate(next, previous uint64) {
	if len(s.rotated) < mostRotations {
		s.rotated = append(s.rotated, rotation{next, previous})
	}
}

// both are the ids of this time and of the one before, whose ends are settled: a session
// may end long after its last request.
type both []*ids

func (b both) any(is func(*ids) bool) bool { return slices.ContainsFunc(b, is) }

func (b both) named(hash uint64) bool { return b.any(func(s *ids) bool { return s.named.has(hash) }) }
func (b both) own(hash uint64) bool   { return b.any(func(s *ids) bool { return s.own.has(hash) }) }

func (b both) changed(i difference, hash uint64) bool {
	return b.any(func(s *ids) bool { return s.changed[i].has(hash) })
}

// known reports whether an id is one that requests have, or the one that it was
// rotated from is.
func (b both) known(has func(uint64) bool, hash uint64) bool {
	return has(hash) || b.any(func(s *ids) bool {
		return slices.ContainsFunc(s.rotated, func(r rotation) bool { return r.next == hash && has(r.previous) })
	})
}

// unknownEnds are how many of how many ends name a session that no request does, and
// in what way, or ways, their ids differ from those of requests. Where only one
// session in so many is looked at, few ends meet the request that would tell.
func (b both) unknownEnds(oneIn int) (n, all int, how []string) {
	var ways [differenceCount][sideCount]int
	for i := range b[0].ends {
		e := &b[0].ends[i]
		if b.known(b.named, e.hash) {
			continue
		}
		n++
		if way, side, ok := b.way(e); ok {
			ways[way][side]++
		}
	}
	most, way, side := 0, difference(0), sides(0)
	for i := range ways {
		for j := range ways[i] {
			if ways[i][j] > most {
				most, way, side = ways[i][j], difference(i), sides(j)
			}
		}
	}
	if most*2*oneIn > n && (most > 1 || oneIn == 1) {
		return n, len(b[0].ends), []string{way.label(side)}
	}
	var requests idForms
	for _, s := range b {
		requests.join(s.requests)
	}
	return n, len(b[0].ends), []string{"ends: " + b[0].ended.usual(), "requests: " + requests.usual()}
}

// way is the first difference that makes the id of an end one that requests have,
// and whose ids it changes for that.
func (b both) way(e *endID) (difference, sides, bool) {
	for i := range differenceCount {
		switch changed := e.changed[i]; {
		case b.changed(i, e.hash):
			return i, ofRequests, true
		case changed == 0:
		case b.named(changed):
			return i, ofEnds, true
		case i < inPseudonym && b.changed(i, changed):
			return i, ofBoth, true
		case i < inPseudonym || i > inSHA512:
		// What stands before a hash is no part of it, as Rails' 2:: before SHA-256.
		case b.changed(i, e.changed[inPrefix]):
			return i, ofRequests, true
		case b.changed(inPrefix, changed):
			return i, ofEnds, true
		}
	}
	return 0, 0, false
}

// unknownLogins reports whether so many logins name sessions, and no request names
// one of these as its own: the login of a larger session starts no clock.
func (b both) unknownLogins(few int64) bool {
	return int64(len(b[0].logins)) >= few && !slices.ContainsFunc(b[0].logins, func(hash uint64) bool { return b.known(b.own, hash) })
}
