package main

import (
	"github.com/spf13/cobra"
	"go.opentelemetry.io/collector/confmap"
	"go.opentelemetry.io/collector/otelcol"
)

// commands are those that this distribution has beside the collector's own. One
// returns nil for status 0, an exitError for 1 and 2, and any other error for 3.
var commands = []func() *cobra.Command{
	defaultConfigCommand,
	readyCommand,
}

const long = `An OpenTelemetry Collector that finds requests served on sessions that should have been over.

Without a command it runs: on the files that --config names, or on its default
configuration, which takes OTLP on localhost:4317 and localhost:4318 and prints
what it finds.

Exit status: 0, 1 where there is something to report, 2 where a command cannot
say, 3 on errors. The collector itself, where it fails, and its own commands
end with 1, as in other distributions.`

// command is the collector's command line with our commands. Its `validate` says
// all that a start would, and errors are left to report.
func command(set otelcol.CollectorSettings) *cobra.Command {
	var resolved *confmap.Conf
	resolver := &set.ConfigProviderSettings.ResolverSettings
	resolver.ConverterFactories = append(resolver.ConverterFactories, keepIn(&resolved))
	root := otelcol.NewCommand(set)
	root.Long = long
	root.SilenceErrors = true
	for _, sub := range root.Commands() {
		if sub.Name() == "validate" {
			extendValidate(sub, set.Factories, &resolved)
		}
	}
	for _, theirs := range append(root.Commands(), root) {
		fallBack(theirs)
		endAsElsewhere(theirs)
	}
	root.AddGroup(&cobra.Group{ID: "sessions", Title: "Sessions:"}, &cobra.Group{ID: "collector", Title: "The collector:"})
	for _, sub := range root.Commands() {
		sub.GroupID = "collector"
	}
	ours := consoleCommands()
	for _, one := range commands {
		ours = append(ours, one())
	}
	for _, sub := range ours {
		sub.GroupID = "sessions"
		sub.SilenceUsage = true
		root.AddCommand(sub)
	}
	return root
}

// endAsElsewhere lets a command of the collector fail as it does in every
// distribution.
func endAsElsewhere(cmd *cobra.Command) {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := run(cmd, args); err != nil {
			return exitError{status: 1, reason: err}
		}
		return nil
	}
}
