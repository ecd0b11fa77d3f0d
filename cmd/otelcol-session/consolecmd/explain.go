package consolecmd

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/otelcol-session/otelcol-session/internal/console"
)

// Explain prints one finding with its timeline. It ends with status 1 where the finding is
// confirmed, with 2 where it is inconclusive.
func Explain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Print why a finding is one, with the timeline of its session",
		Long: `Print why a finding is one, with the timeline of its session. ID is what findings
prints, or its beginning.

It asks the session console. Exit status: 0 where the finding was retracted, 1
where it is confirmed, 2 where it is inconclusive or nobody answers, 3 on errors.`,
		Args: cobra.ExactArgs(1),
	}
	asked := consoleFlags(cmd)
	width := cmd.Flags().Int("width", terminalWidth(), "columns of the timeline, 60 or more")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		c, err := asked()
		if err != nil {
			return err
		}
		if *width < leastWidth {
			return fmt.Errorf("--width must be at least %d (got %d)", leastWidth, *width)
		}
		id, err := c.complete(cmd, strings.ToLower(args[0]))
		if err != nil {
			return err
		}
		var d console.Detail
		err = c.get(cmd.Context(), "findings/"+id, &d)
		if a := (answered{}); errors.As(err, &a) && a.status == http.StatusNotFound {
			return ExitError{statusUnknown, fmt.Errorf("finding %s: %w", id, err)}
		}
		if err != nil {
			return err
		}
		explain(cmd.OutOrStdout(), &d, *width, c.base)
		switch d.State {
		case "confirmed":
			return ExitError{Status: statusFound}
		case "inconclusive":
			return ExitError{Status: statusUnknown}
		}
		return nil
	}
	return cmd
}

func terminalWidth() int {
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n >= leastWidth {
		return n
	}
	return 80
}

// complete returns the whole of an id of which the beginning is given.
func (c *client) complete(cmd *cobra.Command, beginning string) (string, error) {
	if strings.Trim(beginning, "0123456789abcdef") != "" || beginning == "" || len(beginning) > 16 {
		return "", fmt.Errorf("ID must be up to 16 hex digits (got %q)", beginning)
	}
	if len(beginning) == 16 {
		return beginning, nil
	}
	var all console.Findings
	if err := c.get(cmd.Context(), "findings?limit=1000", &all); err != nil {
		return "", err
	}
	var found []string
	for _, f := range all.Findings {
		if strings.HasPrefix(f.ID, beginning) {
			found = append(found, f.ID)
		}
	}
	switch len(found) {
	case 0:
		return "", ExitError{statusUnknown, fmt.Errorf("no finding that is held begins with %s", beginning)}
	case 1:
		return found[0], nil
	}
	return "", fmt.Errorf("ID must be one finding's: %d begin with %s, such as %s and %s", len(found), beginning, tidy(found[0]), tidy(found[1]))
}

func explain(w io.Writer, d *console.Detail, width int, base string) {
	fmt.Fprintf(w, "%s  [%s]\n", tidy(d.Headline), tidy(d.State))
	fold(w, tidy(d.Sentence), "", width)
	if d.Doubt != "" {
		fold(w, tidy(d.Doubt), "", width)
	}
	fmt.Fprintln(w)
	if d.Timeline != nil {
		draw(w, d, width)
	} else {
		fold(w, tidy(d.NoTimeline), "", width)
	}
	fmt.Fprintln(w, "\nWhy")
	for _, s := range d.Why {
		fold(w, fmt.Sprintf("  %s  %s", s.At.Time().Format("15:04:05.000"), tidy(s.Text)), strings.Repeat(" ", 16), width)
	}
	if d.Clears != "" {
		fmt.Fprintln(w, "\nWhat would clear it")
		fold(w, "  "+tidy(d.Clears), "  ", width)
	}
	if len(d.InCommon) > 0 {
		fmt.Fprintln(w, "\nIn common")
		for _, c := range d.InCommon {
			fold(w, fmt.Sprintf("  %s %s has %.0f %% of the late requests (%d), and %.0f %% of all (%d).",
				tidy(c.What), tidy(c.Value), 100*c.Late, c.LateOf, 100*c.All, c.AllOf), "  ", width)
		}
	}
	fmt.Fprintln(w)
	for _, fact := range [][2]string{{"session", d.Session}, {"user", d.User}, {"trace", d.TraceID}, {"policy", d.Policy}, {"finding", base + "/#/f/" + d.ID}} {
		if fact[1] != "" {
			fmt.Fprintf(w, "%-8s %s\n", fact[0], tidy(fact[1]))
		}
	}
	for _, l := range d.Links {
		fmt.Fprintf(w, "%-8s %s\n", tidy(l.Name), tidy(l.URL))
	}
}

// fold prints text in lines of at most so many columns, those behind the first with indent.
func fold(w io.Writer, text, indent string, width int) {
	begin := text[:len(text)-len(strings.TrimLeft(text, " "))]
	words := strings.Fields(text)
	line, columns := begin, len(begin)
	for i, word := range words {
		n := len([]rune(word))
		if i > 0 && columns+1+n > width {
			fmt.Fprintln(w, line)
			line, columns = indent, len(indent)
		} else if i > 0 {
			line, columns = line+" ", columns+1
			if strings.Contains(text, words[i-1]+"  "+word) && i == 1 {
				line, columns = line+" ", columns+1
			}
		}
		line, columns = line+word, columns+n
	}
	fmt.Fprintln(w, line)
}
