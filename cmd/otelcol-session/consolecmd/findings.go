package consolecmd

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// Findings prints what was found, a line each. It ends with status 1 where a finding is
// confirmed, and with 2 where none is and nothing was judged.
func Findings() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "Print what a running collector has found",
		Long: `Print what a running collector has found, the oldest first: its id and a sentence.

It asks the session console. Exit status: 0 where nothing is confirmed, 1 where
something is, 2 where nothing was judged or nobody answers, 3 on errors.`,
		Args: cobra.NoArgs,
	}
	asked := consoleFlags(cmd)
	follow := cmd.Flags().BoolP("follow", "f", false, "go on as findings come, until Ctrl-C")
	asJSON := cmd.Flags().Bool("json", false, "print them as JSON, a line each, as the console's API has them")
	limit := cmd.Flags().Int("limit", 200, "how many at most, 1 to 1000; not with --follow")
	filters := map[string]*string{}
	for _, name := range []string{"service", "policy", "type", "state", "session", "since"} {
		filters[name] = cmd.Flags().String(name, "", "only those of this "+name)
	}
	cmd.Flags().Lookup("since").Usage = "only those decided at or after this time (RFC 3339)"
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		c, err := asked()
		if err != nil {
			return err
		}
		query := url.Values{"limit": {strconv.Itoa(*limit)}}
		for name, value := range filters {
			if *value != "" {
				query.Set(name, *value)
			}
		}
		show := func(f console.Finding) error { return printFinding(cmd, &f, *asJSON) }
		if *follow {
			return c.follow(cmd.Context(), func(f console.Finding) error {
				if !fits(&f, filters) {
					return nil
				}
				return show(f)
			})
		}
		var all console.Findings
		if err := c.get(cmd.Context(), "findings?"+query.Encode(), &all); err != nil {
			return err
		}
		confirmed := false
		for _, f := range slices.Backward(all.Findings) {
			confirmed = confirmed || f.State == "confirmed"
			if err := show(f); err != nil {
				return err
			}
		}
		if all.More {
			fmt.Fprintln(cmd.ErrOrStderr(), "There are more: see --limit, --since and the other flags.")
		}
		if confirmed {
			return ExitError{Status: statusFound}
		}
		return c.judged(cmd)
	}
	return cmd
}

// judged says whether anything was: no finding says something only then.
func (c *client) judged(cmd *cobra.Command) error {
	var s console.State
	if err := c.get(cmd.Context(), "state", &s); err != nil {
		return err
	}
	fmt.Fprintln(cmd.ErrOrStderr(), strings.TrimSpace(tidy(s.Sentence+" "+s.Detail)))
	if s.Mood == "none" || s.Mood == "empty" || s.Mood == "blind" {
		return ExitError{Status: statusUnknown}
	}
	return nil
}

func fits(f *console.Finding, filters map[string]*string) bool {
	for name, got := range map[string]string{"service": f.Service, "policy": f.Policy, "type": f.Type, "state": f.State, "session": f.Session} {
		if want := *filters[name]; want != "" && want != got {
			return false
		}
	}
	var since console.Instant
	return *filters["since"] == "" || since.UnmarshalText([]byte(*filters["since"])) == nil && f.DecidedAt >= since
}

func printFinding(cmd *cobra.Command, f *console.Finding, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(f)
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s  %s\n", tidy(f.ID), tidy(f.Sentence))
	return err
}
