package session

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// OtherService is what a service is called in metrics when there are more than
// Config.MaxServices, and a resource in findings when there are more at a time
// than can be remembered.
const OtherService = "_other"

const (
	// maxResources bounds the resources of one service name, on average.
	maxResources = 64
	// leastServices are known apart however few of them metrics show: a finding
	// names who ended its session.
	leastServices = 1000
	// seriesOfServices are what the series that name a service may be together,
	// and maxSeries all of one instrument, where the SDK of metrics gives up to
	// tell them apart.
	seriesOfServices, maxSeries = 1900, 1999
)

// ShownServices returns how many services an instrument shows, where at most limit
// should be and the values of its other attributes make so many series of each.
// Behind them comes [OtherService], with as many.
func ShownServices(limit, series int) int {
	return max(0, min(limit, seriesOfServices/series, maxSeries/series-1))
}

// services gives resources and service names small numbers.
type services struct {
	limit     int
	names     []string // by service number; 0 is OtherService
	byName    map[string]uint32
	resources []*resource // by resource number; 0 is OtherService
	byValue   map[fact.Resource]uint32
	free      []uint32
	collectAt uint64 // the seq from which on it is worth to look for more of them

	lastPointer *fact.Resource // what number was looked up last
	last        uint32
}

type resource struct {
	fact.Resource
	service uint32
	used    atomic.Uint64 // seq of the last fact that refers to it, or of one behind it
}

func newServices(limit int) services {
	return services{
		limit: limit,
		names: []string{OtherService}, byName: map[string]uint32{OtherService: 0},
		resources: []*resource{{Resource: fact.Resource{ServiceName: OtherService}}}, byValue: map[fact.Resource]uint32{},
	}
}

// Services are the names of services that are known, in the order in which they
// became so, that of a former run first.
func (e *Engine) serviceNames() []string { return slices.Clone(e.services.names[1:]) }

// number returns r's number. seq is that of the fact that refers to it, oldest
// says that of the oldest one which may still be referred to.
func (s *services) number(r *fact.Resource, seq uint64, oldest func() uint64) uint32 {
	if r != s.lastPointer {
		s.lastPointer, s.last = r, s.lookUp(*r, seq, oldest)
	}
	s.resources[s.last].use(seq)
	return s.last
}

// known returns r's number if it has one. It may be called concurrently with
// itself.
func (s *services) known(r *fact.Resource, seq uint64) (n uint32, known bool) {
	if n, known = s.byValue[*r]; known {
		s.resources[n].use(seq)
	}
	return n, known
}

// use notes that the fact of seq refers to r. One that came before may be told later, and
// several at once.
func (r *resource) use(seq uint64) {
	for was := r.used.Load(); was < seq && !r.used.CompareAndSwap(was, seq); was = r.used.Load() {
	}
}

// forgetPointers must be called before the memory of resources that were passed
// by pointer is used for something else.
func (s *services) forgetPointers() { s.lastPointer = nil }

func (s *services) lookUp(r fact.Resource, seq uint64, oldest func() uint64) uint32 {
	if n, ok := s.byValue[r]; ok {
		return n
	}
	n := uint32(len(s.resources))
	if int(n) > maxResources*s.limit {
		// All are looked through, so not for each that comes.
		if len(s.free) == 0 && seq >= s.collectAt {
			if s.collect(oldest()); len(s.free) == 0 {
				s.collectAt = seq + uint64(len(s.resources)/8)
			}
		}
		if len(s.free) == 0 {
			return 0
		}
		n, s.free = s.free[len(s.free)-1], s.free[:len(s.free)-1]
	} else {
		s.resources = append(s.resources, &resource{})
	}
	r = fact.Resource{
		ServiceName: strings.Clone(r.ServiceName), ServiceNamespace: strings.Clone(r.ServiceNamespace),
		ServiceInstance: strings.Clone(r.ServiceInstance), Environment: strings.Clone(r.Environment),
	}
	s.resources[n] = &resource{Resource: r, service: s.name(r.ServiceName)}
	s.byValue[r] = n
	return n
}

// collect frees the numbers of resources that nothing refers to any more.
func (s *services) collect(oldest uint64) {
	for n := 1; n < len(s.resources); n++ {
		if r := s.resources[n]; r.used.Load() < oldest {
			delete(s.byValue, r.Resource)
			s.free = append(s.free, uint32(n))
			r.used.Store(unset)
		}
	}
}

// name gives name, as metrics show it, its number.
func (s *services) name(name string) uint32 {
	name = fact.Clean(name)
	if n, ok := s.byName[name]; ok {
		return n
	}
	if len(s.names) > s.limit {
		return 0
	}
	n := uint32(len(s.names))
	name = strings.Clone(name)
	s.names = append(s.names, name)
	s.byName[name] = n
	return n
}
