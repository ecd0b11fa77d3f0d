package advice

// Code is a kind of advice.
type Code uint8

// The kinds, in the order in which they are said.
const (
	NothingArrived Code = iota
	OnlyBrowsers
	NoRequests
	TimesRefused
	BodyJSON
	BodyText
	BodyMap
	SessionElsewhere
	HeaderSanitised
	CookieUnread
	TokenUnread
	AttributeUnread
	NoSession
	IDPerRequest
	Unproven
	BrowserIDs

	SharedID
	SharedUser
	PlaceholderID
	PlaceholderUser
	Sampled
	ParentsMissing
	NoTime
	TimeIsStart
	LoginJudged

	LogoutRequest
	EndsUnknown
	EventsBare
	LoginsNone
	LoginsOften
	EventUnmapped
	SilenceSampled

	// CodeCount is the number of kinds.
	CodeCount
)

var codeNames = [CodeCount]string{
	"nothing_arrived", "only_browsers", "no_requests", "times_refused", "body_json", "body_text", "body_map",
	"session_elsewhere", "header_sanitised", "cookie_unread", "token_unread", "attribute_unread", "no_session", "id_per_request", "unproven", "browser_ids",
	"shared_id", "shared_user", "placeholder_id", "placeholder_user", "sampled", "parents_missing", "no_time", "time_is_start", "login_judged",
	"logout_request", "ends_unknown", "events_bare", "logins_none", "logins_often", "event_unmapped", "silence_sampled",
}

func (c Code) String() string { return codeNames[c] }

// ParseCode is the kind of this name.
func ParseCode(name string) (c Code, ok bool) {
	for i, n := range codeNames {
		if n == name {
			return Code(i), true
		}
	}
	return 0, false
}

// Group says what is at stake.
type Group uint8

// The groups, the worst one first.
const (
	// Nothing can be found.
	Nothing Group = iota
	// False findings are to be expected.
	False
	// Fewer findings than there could be.
	Fewer

	// GroupCount is the number of groups.
	GroupCount
)

// Group is where the kind belongs.
func (c Code) Group() Group {
	switch {
	case c < SharedID:
		return Nothing
	case c < LogoutRequest:
		return False
	}
	return Fewer
}

// Advice is one thing to do.
type Advice struct {
	Code    Code
	Service string // empty where it is about all of them
	// Name is of an attribute, a cookie, a claim or an event that many sessions
	// have, else empty; never a value.
	Name string
	// N of Of is what it rests on. Of is 0 where N stands alone.
	N, Of float64
}
