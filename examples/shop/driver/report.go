package driver

import (
	"cmp"
	"slices"
	"sync"
)

// Type is the type of a violation, as a finding has it.
type Type string

// The types.
const (
	IdleTimeout     Type = "idle_timeout"
	AbsoluteTimeout Type = "absolute_timeout"
	Ended           Type = "ended"
	Rotated         Type = "rotated"
	Revoked         Type = "revoked"
)

// Expected is what one service served of one session after it was dead.
type Expected struct {
	Story   string `json:"story"`
	Service string `json:"service"`
	Type    Type   `json:"type"`
	// Session and User are as the telemetry has them, not yet pseudonyms.
	Session  string `json:"session"`
	User     string `json:"user"`
	Requests int    `json:"requests"`
	// Background is true for the work of a CONSUMER span.
	Background bool `json:"background,omitempty"`
}

// Report is what the driver knows about a scenario that it has played.
type Report struct {
	// Expected is everything that was served late, and nothing else was.
	Expected []Expected `json:"expected"`
	// Sessions are all ids that any service gave out or was shown, and Users
	// all who logged in. None of them may appear in what a watcher says.
	Sessions []string `json:"sessions"`
	Users    []string `json:"users"`
	// Requests and Refused count what was asked, and what was answered by 401.
	Requests int `json:"requests"`
	Refused  int `json:"refused"`
}

// collector gathers the report from all players.
type collector struct {
	mu struct {
		sync.Mutex
		report   Report
		expected map[Expected]int
	}
}

func newCollector() *collector {
	c := &collector{}
	c.mu.expected = map[Expected]int{}
	return c
}

func (c *collector) asked(refused bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.report.Requests++
	if refused {
		c.mu.report.Refused++
	}
}

func (c *collector) session(id string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	// What is too short to be a secret is a placeholder.
	if len(id) >= 16 && !slices.Contains(c.mu.report.Sessions, id) {
		c.mu.report.Sessions = append(c.mu.report.Sessions, id)
	}
}

func (c *collector) user(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Contains(c.mu.report.Users, name) {
		c.mu.report.Users = append(c.mu.report.Users, name)
	}
}

// served counts one request that was served late.
func (c *collector) served(e Expected) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.mu.expected[e]++
}

func (c *collector) report() Report {
	c.mu.Lock()
	defer c.mu.Unlock()
	r := c.mu.report
	r.Expected = make([]Expected, 0, len(c.mu.expected))
	for e, n := range c.mu.expected {
		e.Requests = n
		r.Expected = append(r.Expected, e)
	}
	slices.SortFunc(r.Expected, func(a, b Expected) int {
		return cmp.Or(cmp.Compare(a.User, b.User), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Session, b.Session))
	})
	slices.Sort(r.Sessions)
	slices.Sort(r.Users)
	return r
}
