package advice

import "slices"

const (
	// mostEnds, mostLogins and mostRotations are remembered, to see whether requests
	// know the sessions that they name.
	mostEnds, mostLogins, mostRotations = 1024, 1024, 1024
	// mostForms of ids are told apart on each side.
	mostForms = 16
	// mostNamed are as many as keep a bloom filter sparse.
	mostNamed = bloomBits / 16
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

// complete reports whether all that requests name is known, and something is.
func (s *ids) complete() bool { return s.named.n > 0 && s.named.n < mostNamed }

// request takes note of the id that a request names as its own.
func (s *ids) request(d *differ, raw string) {
	s.own.add(d.hash.of(raw))
	s.linked(d, raw)
}

// linked takes note of an id whose end would end a session that a request names.
func (s *ids) linked(d *differ, raw string) {
	hash := d.hash.of(raw)
	if s.named.n >= mostNamed || !s.named.add(hash) {
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

// known reports whether an id is among those that requests name, or the one that it
// was rotated from is.
func (s *ids) known(named *bloom, hash uint64) bool {
	return named.has(hash) || slices.ContainsFunc(s.rotated, func(r rotation) bool { return r.next == hash && named.has(r.previous) })
}

// unknownEnds are how many ends name a session that no request does, and in what
// way, or ways, their ids differ from those of requests.
func (s *ids) unknownEnds() (n int, how []string) {
	var ways [differenceCount][sideCount]int
	for i := range s.ends {
		e := &s.ends[i]
		if s.known(&s.named, e.hash) {
			continue
		}
		n++
		if way, side, ok := s.way(e); ok {
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
	if most*2 > n {
		return n, []string{way.label(side)}
	}
	return n, []string{"ends: " + s.ended.usual(), "requests: " + s.requests.usual()}
}

// way is the first difference that makes the id of an end one that requests have,
// and whose ids it changes for that.
func (s *ids) way(e *endID) (difference, sides, bool) {
	for i := range differenceCount {
		switch changed := e.changed[i]; {
		case s.changed[i].has(e.hash):
			return i, ofRequests, true
		case changed == 0:
		case s.named.has(changed):
			return i, ofEnds, true
		case i < inPseudonym && s.changed[i].has(changed):
			return i, ofBoth, true
		case i < inPseudonym || i > inSHA512:
		// What stands before a hash is no part of it, as Rails' 2:: before SHA-256.
		case s.changed[i].has(e.changed[inPrefix]):
			return i, ofRequests, true
		case s.changed[inPrefix].has(changed):
			return i, ofEnds, true
		}
	}
	return 0, 0, false
}

// unknownLogins reports whether so many logins name sessions, and no request names
// one of these as its own: the login of a larger session starts no clock.
func (s *ids) unknownLogins(few int64) bool {
	return int64(len(s.logins)) >= few && !slices.ContainsFunc(s.logins, func(hash uint64) bool { return s.known(&s.own, hash) })
}
