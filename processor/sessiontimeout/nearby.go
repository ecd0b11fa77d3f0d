package sessiontimeout

import (
	"cmp"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/ptrace"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

const (
	// nearbySpans are looked at, and no more: what is wrong then is wrong until a restart.
	nearbySpans = 4096
	// nearbyNames are remembered at most; manySpans must have a name before it is shown: what
	// few have may be somebody's secret.
	nearbyNames, manySpans = 256, 20
	// nearbyShown are.
	nearbyShown = 3
	// isNear is how like a name must be to one that is looked for, from 0 to 1.
	isNear = 0.4
)

// nameLike is a name of words. What has a digit could be an id.
var nameLike = regexp.MustCompile(`^[A-Za-z]{1,20}([._-][A-Za-z]{1,20}){0,5}$`)

// nearby are the names of attributes of requests, in batches that name no session: one of
// them may hold the id. Nothing is looked at before open. Safe for concurrent use.
type nearby struct {
	left  atomic.Int64 // spans that are still to be looked at
	mu    sync.Mutex
	spans map[string]int // by name
}

// open lets it begin.
func (n *nearby) open() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.spans = map[string]int{}
	n.left.Store(nearbySpans)
}

// look looks at td, of which b was made.
func (n *nearby) look(td ptrace.Traces, b *extract.Batch) {
	if n.left.Load() <= 0 || !namesNone(b) {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, resource := range td.ResourceSpans().All() {
		if !extract.Believed(resource.Resource().Attributes()) {
			continue
		}
		for _, scope := range resource.ScopeSpans().All() {
			for _, span := range scope.Spans().All() {
				if k := span.Kind(); k != ptrace.SpanKindServer && k != ptrace.SpanKindConsumer {
					continue
				}
				if n.left.Add(-1) < 0 {
					return
				}
				n.add(span.Attributes())
				n.add(resource.Resource().Attributes())
			}
		}
	}
}

// namesNone reports whether a batch has requests, none of which names a session.
func namesNone(b *extract.Batch) bool {
	without := 0
	for i := range b.Seen {
		if b.Seen[i].RequestWithID > 0 {
			return false
		}
		without += b.Seen[i].RequestWithoutID
	}
	return without > 0
}

func (n *nearby) add(attributes pcommon.Map) {
	for name := range attributes.All() {
		if spans, known := n.spans[name]; known {
			n.spans[name] = spans + 1
		} else if len(n.spans) < nearbyNames && nameLike.MatchString(name) {
			n.spans[strings.Clone(name)] = 1
		}
	}
}

// nearest are the names that are most like one of those that are looked for, three at most.
func (n *nearby) nearest(sources extract.Sources) (names []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	likeness := map[string]float64{}
	for name, spans := range n.spans {
		itself := false
		for i := range sources {
			likeness[name] = max(likeness[name], like(name, sources[i].Attribute))
			itself = itself || name == sources[i].Attribute
		}
		if spans >= manySpans && likeness[name] >= isNear && !itself {
			names = append(names, name)
		}
	}
	slices.SortFunc(names, func(a, b string) int { return cmp.Or(cmp.Compare(likeness[b], likeness[a]), strings.Compare(a, b)) })
	return names[:min(len(names), nearbyShown)]
}

// like is what share of their pairs of letters two names have in common, from 0 to 1
// (Dice's coefficient). Case, dots, hyphens and underscores make no difference.
func like(a, b string) float64 {
	x, y := pairs(a), pairs(b)
	if len(x)+len(y) == 0 {
		return 0
	}
	common := 0
	for pair := range x {
		if y[pair] {
			common++
		}
	}
	return 2 * float64(common) / float64(len(x)+len(y))
}

var noWords = strings.NewReplacer(".", "", "-", "", "_", "")

func pairs(name string) map[string]bool {
	name = noWords.Replace(strings.ToLower(name))
	all := map[string]bool{}
	for i := range max(len(name)-1, 0) {
		all[name[i:i+2]] = true
	}
	return all
}
