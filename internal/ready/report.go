package ready

import (
	"fmt"
	"io"

	"github.com/otelcol-session/otelcol-session/internal/advice"
)

// Report writes what there is to be done, in groups, and reports whether nothing
// can be found.
func Report(w io.Writer, all []advice.Advice) (nothing bool, err error) {
	group := advice.GroupCount
	for _, s := range advice.Sentences(all) {
		if s.Group != group {
			group = s.Group
			if _, err := fmt.Fprintf(w, "%s ...\n", group); err != nil {
				return nothing, err
			}
		}
		nothing = nothing || group == advice.Nothing
		if _, err := fmt.Fprintf(w, "  ... %s\n", s.Text); err != nil {
			return nothing, err
		}
	}
	if len(all) == 0 {
		_, err = fmt.Fprintln(w, "Ready: nothing keeps findings from being found, from being true or from being all.")
	}
	return nothing, err
}
