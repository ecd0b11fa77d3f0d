package advice

import (
	"slices"
	"strings"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

const (
	// mostServices are looked at. Those that come first stay.
	mostServices = 64
	// mostSessions and mostUsers are watched for being shared.
	mostSessions, mostUsers = 2048, 512
	// mostSpans are remembered for their children, mostParents are waited for.
	mostSpans, mostParents = 16384, 4096
)

// service is what was seen of one.
type service struct {
	traces    least
	threshold bool // a trace state says how it was sampled

	servers                      int // SERVER and CONSUMER spans that were looked at
	cookieHeaders, tokens        int
	sanitised                    int // headers that the SDK has taken away
	cookies, claims, users       names
	sessionLike                  names
	sessionLikes                 int    // requests that have one
	bodies                       [3]int // in the order of BodyJSON, BodyText, BodyMap
	told                         [3]int // of bodies, beside a session among the attributes
	times, noTime                int    // access logs and events
	long, timeIsStart            int    // requests that took long, of those that came that much later
	events                       names
	unmapped                     int
	named, facts                 int // events by their names, and what became facts, as far as all records were looked at
	logouts, loginsJudged        int
	requests, presented, showing int
	sampled                      int // of the requests, such as say so
	sessions                     set
	fromBrowsers                 int
	placeholders                 [2]int // of sessions and of users
}

// session is what was seen of one, by its hash.
type session struct {
	users  [4]uint64
	form   form
	shown  int
	last   uint64 // who was shown last
	shows  int    // requests that show somebody
	turns  int    // of these, such as show somebody else than the one before
	logins int
	// first and latest are when it logged in, in nanoseconds.
	first, latest int64
}

const (
	// manyUsers on one session are more than log in by turns on one machine.
	manyUsers = 3
	// manyTurns of two users are more than an administrator takes who looks at others'
	// sessions, where nearly each request is one.
	manyTurns = 4
	// manyLogins, at two an hour, are more than people type passwords.
	manyLogins = 3
)

// isShared reports whether a session is of many, as far as is seen.
func (s *session) isShared() bool {
	return s.shown >= manyUsers || s.turns >= manyTurns && s.turns*2 >= s.shows
}

// logsInOften reports whether a session logs in more often than people do.
func (s *session) logsInOften() bool {
	return s.logins >= manyLogins && time.Duration(s.latest-s.first) <= time.Duration(s.logins-1)*time.Hour/2
}

// login takes note of an instant at which a session logged in.
func (s *session) login(at int64) {
	if s.logins == 0 {
		s.first, s.latest = at, at
	}
	s.logins++
	s.first, s.latest = min(s.first, at), max(s.latest, at)
}

// evidence is what one round of looking has gathered.
type evidence struct {
	services map[string]*service
	browsers int
	// first and last are when the first and the last record was looked at.
	first, last time.Time
	// browserIDs are the ids that browsers named.
	browserIDs set

	sessions map[uint64]*session
	// userSessions is on how many sessions each user was shown.
	userSessions map[uint64]int
	withUser     int // sessions that showed one

	spans   map[[8]byte]struct{}
	parents []parent
}

// parent is a span that must come, since it called a service.
type parent struct {
	id [8]byte
	of *service
	at time.Time // when that was seen
}

func newEvidence() *evidence {
	return &evidence{
		services: map[string]*service{}, sessions: map[uint64]*session{}, userSessions: map[uint64]int{}, spans: map[[8]byte]struct{}{},
	}
}

// service is the evidence of one, or nil where there are too many.
func (e *evidence) service(name string) *service {
	if s := e.services[name]; s != nil {
		return s
	}
	if len(e.services) >= mostServices {
		return nil
	}
	s := &service{}
	e.services[strings.Clone(fact.Clean(name))] = s
	return s
}

// session is what is known of one, or nil where there are too many.
func (e *evidence) session(hash uint64) *session {
	if s := e.sessions[hash]; s != nil {
		return s
	}
	if len(e.sessions) >= mostSessions {
		return nil
	}
	s := &session{}
	e.sessions[hash] = s
	return s
}

// show takes note that a session showed a user.
func (e *evidence) show(s *session, user uint64) {
	if s.shows++; s.shows > 1 && s.last != user {
		s.turns++
	}
	s.last = user
	if slices.Contains(s.users[:min(s.shown, len(s.users))], user) {
		return
	}
	if s.shown < len(s.users) {
		s.users[s.shown] = user
	}
	if s.shown == 0 {
		e.withUser++
	}
	s.shown++
	if _, known := e.userSessions[user]; known || len(e.userSessions) < mostUsers {
		e.userSessions[user]++
	}
}
