package main

import (
	_ "embed"
	"fmt"

	"github.com/spf13/cobra"
)

//go:embed config.yaml
var defaultYAML string

// defaultConfig is the location of the default configuration: its own text.
func defaultConfig() string { return "yaml:" + defaultYAML }

// fallBack lets a command that reads a configuration take the default one where
// no --config names another. The collector would take it only where there is no
// --set either, which it counts among the locations.
func fallBack(cmd *cobra.Command) {
	if cmd.Flags().Lookup("config") == nil {
		return
	}
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("config") {
			fmt.Fprintln(cmd.ErrOrStderr(), "No --config: this is the default configuration, which `otelcol-session default-config` prints.")
			if err := cmd.Flags().Set("config", defaultConfig()); err != nil {
				return err
			}
		}
		return run(cmd, args)
	}
}

// defaultConfigCommand prints what one's own configuration can begin with.
func defaultConfigCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "default-config",
		Short: "Print the configuration that runs without --config",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(cmd.OutOrStdout(), defaultYAML)
			return err
		},
	}
}
