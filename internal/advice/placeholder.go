package advice

import (
	"strings"

	"github.com/otelcol-session/otelcol-session/internal/extract"
)

// placeholders are known words for nobody, in lower case.
type placeholders struct{ session, user map[string]bool }

// knownWords are those of the default lists, whatever lists there are now: a list
// that is set replaces its default.
func knownWords() placeholders {
	cfg := extract.DefaultConfig()
	p := placeholders{map[string]bool{}, map[string]bool{}}
	for _, word := range cfg.SessionID.Placeholders {
		p.session[strings.ToLower(word)] = true
		p.user[strings.ToLower(word)] = true
	}
	for _, word := range cfg.UserID.Placeholders {
		p.user[strings.ToLower(word)] = true
	}
	return p
}
