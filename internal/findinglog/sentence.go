package findinglog

import (
	"encoding/hex"
	"fmt"
	"time"

	"github.com/otelcol-session/otelcol-session/internal/fact"
)

// Sentence says what was found to a person on call.
func Sentence(r *Record) string {
	service := r.Resource.ServiceName
	if service == "" {
		service = "A service without a name"
	}
	served := "a request"
	if r.Requests > 1 {
		served = fmt.Sprintf("%d requests", r.Requests)
	}
	who := "session " + short(r.Session)
	if r.User != (fact.Pseudonym{}) {
		who += " of user " + short(r.User)
	}
	over := round(time.Duration(r.Overrun))
	var how string
	switch r.Type {
	case fact.IdleTimeout:
		how = fmt.Sprintf("%s past its idle timeout of %s", over, r.Limit)
	case fact.AbsoluteTimeout:
		how = fmt.Sprintf("%s past its absolute timeout of %s", over, r.Limit)
	case fact.RotatedSession:
		how = fmt.Sprintf("%s after its id was rotated away and the grace of %s was over", over, r.Limit)
	case fact.RevokedSession:
		how = fmt.Sprintf("%s after all sessions of its user were ended and the grace of %s was over", over, r.Limit)
	default:
		how = fmt.Sprintf("%s after it was ended and the grace of %s was over", over, r.Limit)
	}
	first := ""
	if r.Requests > 1 {
		first = ", the first of them"
	}
	text := fmt.Sprintf("%s served %s of %s%s %s (policy %s)", service, served, who, first, how, r.PolicyName)
	switch r.State {
	case fact.Retracted:
		return "Retracted, since evidence came that clears it: " + text + "."
	case fact.Inconclusive:
		return fmt.Sprintf("Inconclusive (%s): %s.", r.Reason, text)
	}
	return text + "."
}

// short is enough of a pseudonym for a person to compare.
func short(p fact.Pseudonym) string { return hex.EncodeToString(p[:6]) }

// round leaves as much of a duration as a person reads.
func round(d time.Duration) time.Duration {
	if d >= 10*time.Second {
		return d.Round(time.Second)
	}
	return d.Round(10 * time.Millisecond)
}
