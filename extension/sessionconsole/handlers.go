package sessionconsole

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/console"
	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	defaultLimit = 200
	mostFindings = 1000
	// mostBytes bounds one answer.
	mostBytes = 1_900_000
)

func (x *consoleExtension) handler() http.Handler {
	mux := http.NewServeMux()
	x.handlePage(mux)
	mux.HandleFunc("GET /api/v1/state", func(w http.ResponseWriter, _ *http.Request) { answer(w, x.state(time.Now())) })
	mux.HandleFunc("GET /api/v1/services", func(w http.ResponseWriter, _ *http.Request) { answer(w, x.services(time.Now())) })
	mux.HandleFunc("GET /api/v1/policies", func(w http.ResponseWriter, _ *http.Request) { answer(w, x.policies()) })
	mux.HandleFunc("GET /api/v1/findings", x.findings)
	mux.HandleFunc("GET /api/v1/findings/{id}", x.oneFinding)
	mux.HandleFunc("GET /api/v1/events", x.events)
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { problem(w, http.StatusNotFound, "there is nothing here") })
	return mux
}

func answer(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked has gone
}

func problem(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(console.Problem{Error: text})
}

// query is what GET /api/v1/findings is asked for.
type query struct {
	equal map[string]string
	since console.Instant
	after uint64
	limit int
}

func parseQuery(v url.Values) (q query, err error) {
	q = query{equal: map[string]string{}, limit: defaultLimit}
	for key, values := range v {
		value := values[0]
		switch key {
		case "service", "policy", "type", "state", "engine", "session":
			q.equal[key] = value
		case "since":
			if err := q.since.UnmarshalText([]byte(value)); err != nil {
				return q, fmt.Errorf("since: %w", err)
			}
		case "after":
			if q.after, err = strconv.ParseUint(value, 10, 64); err != nil {
				return q, fmt.Errorf("after: must be a sequence (got %q)", cut(value))
			}
		case "limit":
			if q.limit, err = strconv.Atoi(value); err != nil || q.limit < 1 || q.limit > mostFindings {
				return q, fmt.Errorf("limit: must be from 1 to %d (got %q)", mostFindings, cut(value))
			}
		default:
			return q, fmt.Errorf("%s: is no parameter: there are service, policy, type, state, engine, session, since, after and limit", cut(key))
		}
	}
	return q, nil
}

func (q *query) fits(f *console.Finding) bool {
	for key, want := range q.equal {
		got := map[string]string{
			"service": f.Service, "policy": f.Policy, "type": f.Type, "state": f.State, "engine": f.Engine, "session": f.Session,
		}[key]
		if got != want {
			return false
		}
	}
	return f.DecidedAt >= q.since && f.Sequence > q.after
}

func (x *consoleExtension) findings(w http.ResponseWriter, r *http.Request) {
	q, err := parseQuery(r.URL.Query())
	if err != nil {
		problem(w, http.StatusBadRequest, err.Error())
		return
	}
	all := console.Findings{Findings: []console.Finding{}, History: x.ring.counts()}
	size := 0
	for _, h := range x.ring.newest() {
		if !q.fits(&h.shown) {
			continue
		}
		b, err := json.Marshal(&h.shown)
		if size += len(b) + 1; err != nil || len(all.Findings) == q.limit || size > mostBytes {
			all.More = true
			break
		}
		all.Findings = append(all.Findings, h.shown)
	}
	answer(w, all)
}

func (x *consoleExtension) oneFinding(w http.ResponseWriter, r *http.Request) {
	id, ok := parseID(r.PathValue("id"))
	if !ok {
		problem(w, http.StatusBadRequest, "an id is 16 hex digits")
		return
	}
	h := x.ring.get(id)
	if h == nil {
		problem(w, http.StatusNotFound, fmt.Sprintf("this finding is not held (any more): the newest %d are", x.cfg.History))
		return
	}
	answer(w, x.detail(h))
}

// detail is all that is known of a finding.
func (x *consoleExtension) detail(h *held) console.Detail {
	t := h.timeline()
	all := x.ring.newest()
	d := console.Detail{
		Finding: h.shown, Timeline: t, Why: h.why(t), Clears: h.clears(), Doubt: h.doubt(),
		InCommon: inCommon(h, all), Links: x.cfg.links(&h.shown),
	}
	if h.record.State == fact.Retracted {
		d.Clears, d.InCommon = "", []console.Common{}
	}
	if d.Links == nil {
		d.Links = []console.Link{}
	}
	if t == nil {
		d.NoTimeline = "Its requests were not copied: its session was no longer held, or too many findings were decided at that moment."
	}
	if h.engine.description.Replay {
		d.Position, d.Of, d.Next = story(h, all)
	}
	return d
}

// story is h's place among the findings of its engine, in the order of their ids, and the
// next one.
func story(h *held, all []*held) (position, of int, next string) {
	position = 1
	var above, least uint64
	for _, o := range all {
		if o.engine != h.engine {
			continue
		}
		of++
		id := o.record.ID
		if id < h.record.ID {
			position++
		}
		if id > h.record.ID && (above == 0 || id < above) {
			above = id
		}
		if least == 0 || id < least {
			least = id
		}
	}
	if above == 0 {
		above = least
	}
	if above == h.record.ID {
		return position, of, ""
	}
	return position, of, idText(above)
}
