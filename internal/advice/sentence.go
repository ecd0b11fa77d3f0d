package advice

import (
	"fmt"
	"strings"
)

// Titles of the groups.
var titles = [GroupCount]string{
	"Nothing can be found because",
	"Findings would be false because",
	"Findings are fewer than they could be because",
}

func (g Group) String() string { return titles[g] }

// Sentence is advice in words, for whoever shows it: the command `ready`, the log, a
// console. It has no value of telemetry but names, of which it says what [Advice] does.
type Sentence struct {
	Code    Code
	Group   Group
	Service string // empty where it is about all of them, or about one without a name
	// Names are of what it is about, the likeliest first; of [EndsUnknown] how ids differ.
	Names []string
	// N of Of is what it rests on. Of is 0 where N stands alone, N where nothing is counted.
	N, Of float64
	// Key is of the configuration of session_timeout, with :: between its parts; empty
	// where something else has to change.
	Key string
	// Text is a whole sentence but for its beginning, which is the group's String.
	Text string
}

func (s *Sentence) String() string { return s.Text }

// Sentences are one for each kind of advice and service. Names of one kind and service
// come together. The order is that of all.
func Sentences(all []Advice) (out []Sentence) {
	for _, a := range all {
		if n := len(out); n == 0 || out[n-1].Code != a.Code || out[n-1].Service != a.Service {
			out = append(out, Sentence{Code: a.Code, Group: a.Code.Group(), Service: a.Service, N: a.N, Of: a.Of})
		}
		if a.Name != "" {
			last := &out[len(out)-1]
			last.Names = append(last.Names, a.Name)
		}
	}
	for i := range out {
		s := &out[i]
		s.Key, s.Text = s.key(), s.text()
	}
	return out
}

// key is what to set.
func (s *Sentence) key() string {
	if s.Code == EndsUnknown && len(s.Names) == 1 {
		return keyOf[s.Names[0]]
	}
	return keys[s.Code]
}

func (s *Sentence) text() string {
	service := s.Service
	switch {
	case service == "" && s.Code == IDPerRequest:
		service = "all services"
	case service == "" && s.Code == NoTime:
		service = "services without a name, or with events alone"
	case service == "":
		service = "a service without a name"
	}
	names := ""
	if s.Code == EndsUnknown {
		names = howTheyDiffer(s.Names)
	} else if len(s.Names) > 0 {
		names = " (" + strings.Join(s.Names, ", ") + ")"
	}
	return strings.NewReplacer(
		"{n}", number(s.N), "{of}", number(s.Of), "{service}", service, "{names}", names,
	).Replace(forms[s.Code])
}

// keys are what to set, empty where the telemetry itself has to change.
var keys = [CodeCount]string{
	NoRequests: "exempt", TimesRefused: "max_age",
	CookieUnread: "session_id::sources", TokenUnread: "session_id::sources", AttributeUnread: "session_id::sources",
	NoSession: "session_id::sources", IDPerRequest: "session_id::sources", BrowserIDs: "session_id::sources",
	Unproven: "policies::evidence", SharedID: "session_id::placeholders", SharedUser: "user_id::placeholders",
	PlaceholderID: "session_id::placeholders", PlaceholderUser: "user_id::placeholders",
	Sampled: "policies::coverage", ParentsMissing: "policies::coverage", TimeIsStart: "log_time", LoginJudged: "exempt",
	LogoutRequest: "events::ended", EndsUnknown: "session_id::linked", EventsBare: "events",
	LoginsNone: "events::authenticated", LoginsOften: "events::started", EventUnmapped: "events",
}

// howTheyDiffer says in what the ids of ends differ from those of requests, and
// what is to be done.
func howTheyDiffer(names []string) string {
	const linked = ": two ids for one login? Set session_id::linked"
	switch {
	case len(names) == 0:
		return linked
	case len(names) == 1 && saidOf[names[0]] != "":
		return "; " + saidOf[names[0]]
	}
	return " (" + strings.Join(names, ", ") + ")" + linked
}

// forms have N, Of, the service and the names in braces.
var forms = [CodeCount]string{
	NothingArrived:   "no telemetry has arrived.",
	OnlyBrowsers:     "{n} records are of browsers or devices, whose word is their user's, and none is a service's: send the spans or access logs of services.",
	NoRequests:       "among {n} records is none that could be judged: SERVER and CONSUMER spans are, and log records with a method and a status; login and health routes are `exempt`.",
	TimesRefused:     "{n} of {of} facts have times that are no evidence: mend the clock, or set max_ahead and max_age (0 for a recording).",
	BodyJSON:         "{n} log records of {service} are neither events nor access logs, and tell of requests or sessions in the body (JSON): shape them with `transform`, see recipes.",
	BodyText:         "{n} log records of {service} are neither events nor access logs, and tell of requests or sessions in the body (text): shape them with `transform`, see recipes; lines of requests that name no session need a format with its cookie first.",
	BodyMap:          "{n} log records of {service} are neither events nor access logs, and tell of requests or sessions in the body (a map): shape them with `transform`, see recipes.",
	SessionElsewhere: "none of {n} requests of {service} names a session, but {of} other spans do: set it on the SERVER span, not on the active one of a handler.",
	HeaderSanitised:  "none of {n} requests of {service} names a session, and the SDK has taken the headers away that could: leave the Cookie or Authorization header out of what it sanitises, or set session.id.",
	CookieUnread:     "none of {n} requests of {service} names a session, and their Cookie header is captured{names}: add {attribute: http.request.header.cookie, cookie: NAME} to session_id::sources.",
	TokenUnread:      "none of {n} requests of {service} names a session, and they carry tokens{names}: add {attribute: http.request.header.authorization, claim: NAME} to session_id::sources.",
	AttributeUnread:  "none of {n} requests of {service} names a session, and they have attributes that sound like one{names}: add the attribute to session_id::sources.",
	NoSession:        "none of {n} requests of {service} names a session, and nothing in them could: set session.id, or capture a header or log a cookie and name it in session_id::sources.",
	IDPerRequest:     "{n} sessions in {of} requests of {service}: the id is another one with each request. A whole token, an encrypted cookie? Name the claim, or another source, in session_id::sources.",
	Unproven:         "all {n} requests of {service} are indeterminate: their ids come from clients and no request shows a user: set user_id::sources{names}, or `evidence: presented` in a policy for the routes that nobody gets without a session.",
	BrowserIDs:       "{n} of {of} requests of {service} name a session that browsers name, too: an id of the browser's monitoring, which rotates by itself: take the server's in session_id::sources.",
	SharedID:         "{n} ids were shown by up to {of} users each{names}: placeholders or shared accounts: see session_id::placeholders and session_id::max_users.",
	SharedUser:       "one user is on {n} of {of} sessions: one that stands for nobody? Add it to user_id::placeholders.",
	PlaceholderID:    "{n} requests of {service} have an id that is a known word for nobody: add it to session_id::placeholders, a list that replaces the default one.",
	PlaceholderUser:  "{n} requests of {service} have a user who is a known word for nobody: add it to user_id::placeholders, a list that replaces the default one.",
	Sampled:          "spans of {service} look sampled: all trace ids lie in the lowest {n} of {of} parts of their range, and no trace state says so: set `coverage: sampled`, or send them unsampled.",
	ParentsMissing:   "{n} of {of} parents of spans of {service} never came: stand before samplers, or set `coverage: sampled`.",
	NoTime:           "{n} of {of} events and access logs of {service} have no time of their own, but when they were read: set `timestamp` in the operator that parses them.",
	TimeIsStart:      "{n} of {of} access logs of {service} came later than their time by just as long as the request took: set `log_time: start`.",
	LoginJudged:      "{n} requests to login pages of {service} were judged: add their routes to `exempt`.",
	LogoutRequest:    "no end was ever reported, and {n} requests of {service} look like logouts: add {request: {methods: [POST, DELETE], routes: [logout]}} to events::ended.",
	EndsUnknown:      "{n} of {of} ends name a session that no request names{names}.",
	EventsBare:       "{n} events name no session, and none does: name the attribute that has it in `session` of their entries in `events`, or in session_id::sources.",
	LoginsNone:       "no login was ever reported of a session that requests name, so ages are lower bounds: send events::authenticated.",
	LoginsOften:      "{n} sessions logged in again and again, up to {of} times: if that is silent, `events::started` is the kind for it, which re-arms no clock.",
	SilenceSampled:   "{n} of {of} requests of {service} are sampled and say so, so that nothing is sure that rests on silence (idle_timeout): stand before samplers, or add access logs.",
	EventUnmapped:    "{n} events of {service} have names that nobody mapped{names}: see `events`.",
}

func number(n float64) string { return fmt.Sprintf("%.0f", n) }
