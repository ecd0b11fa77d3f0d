// Command shop starts the shop, plays users against it and says which of their
// requests were served late.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/otelcol-session/otelcol-session/examples/shop"
	"github.com/otelcol-session/otelcol-session/examples/shop/driver"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "shop:", err)
		os.Exit(1)
	}
}

type settings struct {
	shop     shop.Config
	driver   driver.Options
	expected string // where to leave the report
	record   string // where to leave the telemetry
	serve    bool
}

func parse(args []string) (settings, error) {
	var s settings
	var faults, stories string
	flags := flag.NewFlagSet("shop", flag.ContinueOnError)
	flags.StringVar(&s.shop.Collector, "collector", os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT"), "base URL of an OTLP/HTTP receiver")
	flags.StringVar(&faults, "fault", "", "faults of the ledger, separated by commas: "+join(shop.Faults)+", or all")
	flags.DurationVar(&s.shop.Idle, "idle", 5*time.Second, "idle limit of both services")
	flags.DurationVar(&s.shop.Lifetime, "lifetime", 15*time.Second, "absolute limit of both services")
	flags.StringVar(&s.shop.Storefront, "storefront", "", "listen address of the storefront")
	flags.StringVar(&s.shop.Ledger, "ledger", "", "listen address of the ledger")
	flags.BoolVar(&s.shop.AccessLogSessions, "access-log-sessions", false, "put session and user on the access log, too")
	flags.DurationVar(&s.driver.Limits.Tolerance, "tolerance", 500*time.Millisecond, "tolerance of the policy that watches")
	flags.DurationVar(&s.driver.Limits.EndGrace, "end-grace", 500*time.Millisecond, "end_grace of the policy that watches")
	flags.DurationVar(&s.driver.Limits.RotationGrace, "rotation-grace", 500*time.Millisecond, "rotation_grace of the policy that watches")
	flags.DurationVar(&s.driver.Margin, "margin", time.Second, "how far users keep away from each limit")
	flags.IntVar(&s.driver.Users, "users", 1, "how many users play each story")
	flags.StringVar(&s.driver.Prefix, "prefix", "", "begins the name of every user, for several shops with one collector")
	flags.StringVar(&stories, "stories", "", "stories to play, separated by commas, or basic; all by default")
	flags.StringVar(&s.expected, "expected", "", "file for the report of what was served late; standard output by default")
	flags.StringVar(&s.record, "record", "", "keep the telemetry in this folder, with the report, instead of sending it")
	flags.BoolVar(&s.serve, "serve", false, "serve until interrupted, and leave the shop to your own browser")
	if err := flags.Parse(args); err != nil {
		return s, err
	}
	for _, f := range split(faults) {
		s.shop.Faults = append(s.shop.Faults, shop.Fault(f))
	}
	if faults == "all" {
		s.shop.Faults = shop.Faults
	}
	s.driver.Stories = split(stories)
	if stories == "basic" {
		s.driver.Stories = driver.BasicStories()
	}
	s.driver.Faults = s.shop.Faults
	s.driver.Limits.Idle, s.driver.Limits.Absolute = s.shop.Idle, s.shop.Lifetime
	return s, nil
}

func run(ctx context.Context, args []string) error {
	s, err := parse(args)
	if err != nil {
		return err
	}
	if s.record != "" {
		return record(ctx, s)
	}
	report, err := play(ctx, s)
	if err != nil || s.serve {
		return err
	}
	return write(report, s.expected)
}

// play starts the shop, plays the stories and stops the shop, whose telemetry
// has then been sent.
func play(ctx context.Context, s settings) (report driver.Report, err error) {
	running, err := shop.Start(ctx, s.shop)
	if err != nil {
		return driver.Report{}, err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		err = errors.Join(err, running.Close(closing))
	}()
	fmt.Fprintf(os.Stderr, "%s: %s\n%s: %s\nfaults: %s\n",
		shop.Storefront, running.StorefrontURL, shop.Ledger, running.LedgerURL, join(s.shop.Faults))
	if s.serve {
		<-ctx.Done()
		return driver.Report{}, nil
	}
	s.driver.StorefrontURL, s.driver.LedgerURL = running.StorefrontURL, running.LedgerURL
	return driver.Play(ctx, s.driver)
}

// write leaves the report as JSON in the file, or on standard output.
func write(r driver.Report, file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if file == "" {
		_, err = os.Stdout.Write(text)
		return err
	}
	return os.WriteFile(file, text, 0o644)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' || r == ' ' })
}

func join(faults []shop.Fault) string {
	names := make([]string, len(faults))
	for i, f := range faults {
		names[i] = string(f)
	}
	return strings.Join(names, ", ")
}
