package main

import (
	"context"
	_ "embed"
	"errors"

	"github.com/spf13/cobra"

	"github.com/otelcol-session/otelcol-session/cmd/otelcol-session/consolecmd"
)

//go:embed replay.yaml
var replayYAML string

// consoleCommands show in a terminal what the session console does.
func consoleCommands() []*cobra.Command {
	return []*cobra.Command{
		withStatus(consolecmd.Demo(defaultYAML, replayYAML, runCollector)),
		withStatus(consolecmd.Findings()),
		withStatus(consolecmd.Explain()),
	}
}

// withStatus lets a command end the program with the status that it asks for.
func withStatus(cmd *cobra.Command) *cobra.Command {
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if exit := (consolecmd.ExitError{}); errors.As(err, &exit) {
			return exitError{status: exit.Status, reason: exit.Reason}
		}
		return err
	}
	return cmd
}

// runCollector runs a collector on configurations and single keys, until ctx ends or it is
// told to stop.
func runCollector(ctx context.Context, configs, sets []string) error {
	cmd := command(settings())
	args := []string{}
	for _, uri := range configs {
		args = append(args, "--config", uri)
	}
	for _, set := range sets {
		args = append(args, "--set", set)
	}
	cmd.SetArgs(args)
	cmd.SilenceUsage = true
	return cmd.ExecuteContext(ctx)
}
