package sessionconsole

import (
	"cmp"
	"slices"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	// commonLeast is how many late requests it takes to speak of what they have in common.
	commonLeast = 2
	// commonShare is what share of them something must have, and by how much that must exceed
	// its share of all requests.
	commonShare, commonMore = 0.5, 0.1
	// commonFindings bounds how many findings are looked at.
	commonFindings = 200
)

type shares struct {
	late, all   map[string]int
	lateN, allN int
}

func (s *shares) add(value string, late bool) {
	if value == "" {
		return
	}
	s.all[value]++
	s.allN++
	if late {
		s.late[value]++
		s.lateN++
	}
}

// inCommon are what the late requests of h's service and type have in common that not all
// of its requests have, as far as findings hold them.
func inCommon(of *held, all []*held) []console.Common {
	names := []string{"instance", "route"}
	found := map[string]*shares{}
	for _, name := range names {
		found[name] = &shares{late: map[string]int{}, all: map[string]int{}}
	}
	looked := 0
	for _, h := range all {
		if h.history == nil || h.record.Resource.ServiceName != of.record.Resource.ServiceName || h.record.Type != of.record.Type {
			continue
		}
		if looked++; looked > commonFindings {
			break
		}
		h.history.each(func(r *fact.TimelineRequest, texts []string) {
			if texts[r.Service] == of.record.Resource.ServiceName {
				found["instance"].add(texts[r.Instance], r.Late)
				found["route"].add(texts[r.Route], r.Late)
			}
		})
	}
	common := []console.Common{}
	for _, name := range names {
		s := found[name]
		for value, n := range s.late {
			late, share := float64(n)/float64(s.lateN), float64(s.all[value])/float64(s.allN)
			if s.lateN >= commonLeast && late >= commonShare && late-share >= commonMore {
				common = append(common, console.Common{What: name, Value: cut(value), Late: late, All: share, LateOf: s.lateN, AllOf: s.allN})
			}
		}
	}
	slices.SortFunc(common, func(a, b console.Common) int {
		return cmp.Or(cmp.Compare(b.Late-b.All, a.Late-a.All), cmp.Compare(a.What, b.What), cmp.Compare(a.Value, b.Value))
	})
	return common
}
