package advice

import (
	"maps"
	"slices"
	"time"
)

const (
	// mostSeries is how much is said at most.
	mostSeries = 200
	// bitsOfRecording and bitsLive of luck could explain what is said of sampling: one in a
	// thousand for a recording, one in a billion else.
	bitsOfRecording, bitsLive = 10, 30
	// highestRatio leaves room for ids that have a bit less than they could.
	highestRatio = 0.45
	// leastRatio is below what anybody samples: such ids are not random at all.
	leastRatio = 1e-4
	// manyTraces are enough to tell those from others.
	manyTraces = 60
	// longLook is how long all records must have been looked at for silence to say
	// something: whoever is busy sees thousands of sessions once before one twice.
	longLook = 10 * time.Minute
	// childrenFirst is how long after a span its parent may come.
	childrenFirst = time.Minute
)

// Advise is what there is to be said now, at most 200 things.
func (a *Advisor) Advise(c *Counts) []Advice {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.turn(time.Now(), c)
	c = c.since(a.before)
	d := decision{cfg: a.cfg, counts: c, evidence: a.evidence, watch: a.ids, few: 5, bits: bitsLive}
	if a.last != nil && a.seen.Load() < firstOnes {
		d.evidence = a.last
	}
	d.long = d.last.Sub(d.first) >= longLook
	if a.cfg.Recording {
		d.few, d.bits, d.long = 1, bitsOfRecording, true
	}
	records := a.all.Load()
	d.overall(records)
	missing, parents := d.missingParents()
	// Those that the processor counts: of a name that holds an id it counts none.
	for _, name := range slices.Sorted(maps.Keys(c.Services)) {
		s := d.services[name]
		if s == nil {
			s = &service{}
		}
		d.ofService(name, s, c.Services[name])
		d.ofTraces(name, s, missing[s], parents[s])
	}
	d.ends()
	d.events()
	if records > 0 && d.requests == 0 && !slices.ContainsFunc(d.said, func(a Advice) bool { return a.Code.Group() == Nothing }) {
		d.say(NoRequests, "", int64(records), 0)
	}
	slices.SortStableFunc(d.said, func(a, b Advice) int { return int(a.Code) - int(b.Code) })
	return d.said[:min(len(d.said), mostSeries)]
}

type decision struct {
	*evidence
	cfg    Config
	watch  *idWatch
	counts *Counts
	few    int64   // is how many are enough
	bits   float64 // of luck
	long   bool    // it was looked for so long that silence says something
	// requests of all services, withID those that name a session
	requests, withID int64
	said             []Advice
}

func (d *decision) say(code Code, service string, n, of int64, names ...string) {
	if len(names) == 0 {
		names = []string{""}
	}
	for _, name := range names {
		d.said = append(d.said, Advice{code, service, name, float64(n), float64(of)})
	}
}

// overall is about all services together.
func (d *decision) overall(records uint64) {
	c := d.counts
	var other int64
	for _, s := range c.Services {
		d.requests += s.RequestWithID + s.RequestWithoutID
		other += s.OtherWithID + s.LogNotUnderstood
		d.withID += s.RequestWithID
	}
	switch {
	case records == 0 && c.Facts == 0:
		d.say(NothingArrived, "", 0, 0)
	case d.requests+other+c.Facts == 0 && d.browsers > 0 && len(d.services) == 0:
		d.say(OnlyBrowsers, "", int64(d.browsers), 0)
	case c.RefusedTimes >= d.few && c.RefusedTimes > c.Facts:
		d.say(TimesRefused, "", c.RefusedTimes, c.RefusedTimes+c.Facts)
	}
	if !d.cfg.Recording && c.For >= longLook && c.Sessions >= 100 && c.Sessions*10 >= c.Requests*9 {
		d.say(IDPerRequest, "", c.Sessions, c.Requests)
	}
	d.shared()
}

// ends is about what events say of sessions that no request names. Where each request
// names another, none does.
func (d *decision) ends() {
	perRequest := slices.ContainsFunc(d.said, func(a Advice) bool { return a.Code == IDPerRequest })
	unknown, ends, how, logins := d.watch.unknown(d.few)
	if int64(ends) >= d.few && unknown*10 >= ends*9 && !perRequest {
		d.say(EndsUnknown, "", int64(unknown), int64(ends), how...)
	}
	if d.withID >= d.few && d.cfg.Absolute && (d.counts.Logins == 0 || logins && !perRequest) {
		d.say(LoginsNone, "", 0, 0)
	}
}

// events is about services that send nothing else, which the processor does not count:
// they are not told apart.
func (d *decision) events() {
	var named, facts, times, noTime int64
	for name, s := range d.services {
		named, facts = named+int64(s.named), facts+int64(s.facts)
		if _, counted := d.counts.Services[name]; !counted {
			times, noTime = times+int64(s.times), noTime+int64(s.noTime)
		}
	}
	if named >= d.few && facts == 0 && d.counts.RefusedTimes == 0 {
		d.say(EventsBare, "", named, 0)
	}
	if times >= d.few && noTime*10 >= times {
		d.say(NoTime, "", noTime, times)
	}
}

// shared is about ids and users that are of many.
func (d *decision) shared() {
	var ids, users, often, logins, loggedIn int64
	var forms idForms
	for _, s := range d.sessions {
		if s.isShared() {
			ids++
			users = max(users, int64(s.shown))
			forms.count(s.form)
		}
		if s.logins > 0 {
			loggedIn++
		}
		if s.logsInOften() {
			often++
			logins = max(logins, int64(s.logins))
		}
	}
	if ids > 0 {
		d.say(SharedID, "", ids, users, forms.usual())
	}
	if often*10 >= loggedIn && often > 0 {
		d.say(LoginsOften, "", often, logins)
	}
	if most := mostOf(d.userSessions); int64(d.withUser) >= 4*d.few && most*10 >= d.withUser*9 {
		d.say(SharedUser, "", int64(most), int64(d.withUser))
	}
}

func mostOf(counts map[uint64]int) (most int) {
	for _, n := range counts {
		most = max(most, n)
	}
	return most
}

// ofService is about what its records name.
func (d *decision) ofService(name string, s *service, c ServiceCounts) {
	for i, code := range [...]Code{BodyJSON, BodyText, BodyMap} {
		switch {
		case c.LogNotUnderstood == 0, s.times > 0: // others of its records are understood
		case c.RequestWithID+c.RequestWithoutID == 0 && s.bodies[i] > 0:
			d.say(code, name, c.LogNotUnderstood, 0)
		case s.told[i] > 0:
			d.say(code, name, int64(s.told[i]), 0)
		}
	}
	// Where no request of any service names a session, whoever tries it with a few wants to know.
	if n := c.RequestWithoutID; c.RequestWithID == 0 && (n >= d.few || n > 0 && d.withID == 0) {
		d.withoutID(name, s, c)
	}
	if n := int64(s.sessions.n); d.cfg.Recording && n >= 5 && int64(s.requests) >= n && n*10 >= int64(s.requests)*9 && !s.sessions.full() {
		d.say(IDPerRequest, name, n, int64(s.requests))
	}
	if c.Decided >= d.few && c.Indeterminate == c.Decided && s.requests > 0 && s.presented == s.requests && s.showing == 0 {
		d.say(Unproven, name, c.Indeterminate, c.Decided, s.users.shown()...)
	}
	if s.fromBrowsers > 0 && s.fromBrowsers*2 >= s.requests {
		d.say(BrowserIDs, name, int64(s.fromBrowsers), int64(s.requests))
	}
	if s.times >= int(d.few) && s.noTime*10 >= s.times {
		d.say(NoTime, name, int64(s.noTime), int64(s.times))
	}
	if s.timeIsStart >= int(d.few) && s.timeIsStart*2 >= s.long && !d.cfg.LogAtStart {
		d.say(TimeIsStart, name, int64(s.timeIsStart), int64(s.long))
	}
	for i, code := range [...]Code{PlaceholderID, PlaceholderUser} {
		if n := int64(s.placeholders[i]); n >= d.few {
			d.say(code, name, n, 0)
		}
	}
	if s.loginsJudged > 0 {
		d.say(LoginJudged, name, int64(s.loginsJudged), 0)
	}
	if s.logouts > 0 && d.counts.Ends == 0 {
		d.say(LogoutRequest, name, int64(s.logouts), 0)
	}
	if n := int64(s.requests); n >= d.few && int64(s.sampled)*10 >= n*9 && d.cfg.Idle && !d.cfg.Sampled {
		d.say(SilenceSampled, name, int64(s.sampled), n)
	}
	if s.unmapped > 0 {
		d.say(EventUnmapped, name, int64(s.unmapped), 0, s.events.shown()...)
	}
}

// withoutID is about a service no request of which names a session.
func (d *decision) withoutID(name string, s *service, c ServiceCounts) {
	n, nowhere := c.RequestWithoutID, true
	if c.OtherWithID > 0 {
		nowhere = false
		d.say(SessionElsewhere, name, n, c.OtherWithID)
	}
	if s.sanitised > s.cookieHeaders+s.tokens {
		nowhere = false
		d.say(HeaderSanitised, name, n, 0)
	}
	if s.cookieHeaders > 0 {
		nowhere = false
		d.say(CookieUnread, name, n, 0, s.cookies.shown()...)
	}
	if s.tokens > 0 && (d.withID == 0 || s.claims.sounding()) {
		nowhere = false
		d.say(TokenUnread, name, n, 0, s.claims.shown()...)
	}
	if s.sessionLikes > 0 {
		nowhere = false
		d.say(AttributeUnread, name, n, 0, s.sessionLike.shown()...)
	}
	if nowhere && d.withID == 0 { // else it may be a service that has no sessions
		d.say(NoSession, name, n, 0)
	}
}

// missingParents are, by service, how many spans have a parent and how many of
// those never came.
func (d *decision) missingParents() (missing, all map[*service]int64) {
	missing, all = map[*service]int64{}, map[*service]int64{}
	if len(d.spans) >= mostSpans {
		return missing, all // those of later ones are not known
	}
	for _, p := range d.parents {
		if !d.cfg.Recording && d.last.Sub(p.at) < childrenFirst {
			continue
		}
		all[p.of]++
		if _, came := d.spans[p.id]; !came {
			missing[p.of]++
		}
	}
	return missing, all
}

// ofTraces is about what samplers and exporters left out.
func (d *decision) ofTraces(name string, s *service, missing, parents int64) {
	if ratio, luck := s.traces.share(); !s.threshold && !d.cfg.Sampled && ratio < highestRatio && ratio > leastRatio && luck >= d.bits && (d.cfg.Recording || s.traces.n >= manyTraces) {
		d.say(Sampled, name, int64(ratio*1000+1), 1000)
	}
	// Where all are missing, the callers are nobody's services.
	if missing >= d.few && missing*20 >= parents && (missing < parents || d.calls(s)) {
		d.say(ParentsMissing, name, missing, parents)
	}
}

// calls reports whether others of the services call this one: then its parents
// should come.
func (d *decision) calls(s *service) bool {
	return len(d.services) > 1 && s.servers > 0 && d.cfg.Recording
}
